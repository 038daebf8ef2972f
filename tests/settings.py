"""The tests' settings: the platform's settings with DEBUG, and a temporary data folder that is deleted after the run.

This is a settings module and not a fixture, because Django reads the environment before the first conftest is loaded.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from edge_agent.vision.files import ROOT, models_folder

# Fetched models and assets stay in the developer's data folder, although the tests have their own.
os.environ["MODELS_DIR"] = str(models_folder())
FETCHED = os.environ.setdefault("TESTS_ASSETS_DIR", str(Path(os.environ.get("DATA_DIR") or ROOT / "var") / "assets"))
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="headcount-tests-")
os.environ["DEBUG"] = "true"
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

# Programs that a test starts inherit this environment, and run the real platform.
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, REST_FRAMEWORK  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The database is a file, as in production. Threads would share the locks of one connection to a database in memory,
    # and other processes could not open it.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(os.environ["DATA_DIR"], "tests.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""A fast hasher, as the real one takes a third of a second by design, and no test is about hashing."""

HEALTH_COMPARES_CLOCKS = False
"""The clock of the tests is set; that of the database is not."""

STATICFILES_DIRS = [FETCHED]
Path(STATIC_ROOT).mkdir()  # noqa: F405

REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
"""No rate limits, because the counters in memory outlive each test and would include other tests' requests."""

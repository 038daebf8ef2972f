"""The tests' settings: the platform's own, on a developer's machine, with a data folder that lives as long as the run.

A settings module rather than a fixture, because Django reads the environment before the first conftest is loaded.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from edge_agent.vision.files import ROOT, models_folder

# What was fetched is looked for where it would be without the tests' own data folder.
os.environ["MODELS_DIR"] = str(models_folder())
FETCHED = os.environ.setdefault("TESTS_ASSETS_DIR", str(Path(os.environ.get("DATA_DIR") or ROOT / "var") / "assets"))
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="headcount-tests-")
os.environ["DEBUG"] = "true"
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

# Other programs that a test starts are the real platform, in the same environment.
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, REST_FRAMEWORK  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in production: in memory, threads would share one connection's locks and no process could join.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(os.environ["DATA_DIR"], "tests.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""The real one takes a third of a second by design; no test is about it."""

STATICFILES_DIRS = [FETCHED]
Path(STATIC_ROOT).mkdir()  # noqa: F405

REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
"""No limits: other tests' requests would count, for the memory in which they are counted outlives each test."""

"""The production stack that the tests of this folder share, and what speaks to it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.stack import PASSWORD, Stack, running
from tests.programs import postgres

MAKE_SITE = """
from django.contrib.auth.models import User
from devices.models import Site
from devices import services
admin = User.objects.get(username="admin")
site = Site.objects.create(name="Seattle", slug="seattle", timezone="America/Los_Angeles")
for name, thing in (("Lobby", "lobby-1"), ("Deck", "deeplens_a")):
    services.register_device(site=site, name=name, thing_name=thing)
print(services.issue_api_token(user=admin, name="tests")[1])
"""


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="headcount-deploy-tests-"))
    folder.chmod(0o755)
    try:
        with postgres.server() as database, running(folder, database) as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def token(stack: Stack) -> str:
    """The API token of an administrator, on a platform with the site Seattle and two devices."""
    return make_site(stack)


def make_site(stack: Stack) -> str:
    """Make an administrator, the site Seattle and two devices; return the administrator's API token."""
    password = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    account = ["--username", "admin", "--email", "admin@headcount.example.com"]
    stack.manage("createsuperuser", "--no-input", *account, more=password)
    return stack.manage("shell", "--no-imports", "-c", MAKE_SITE).split()[-1]

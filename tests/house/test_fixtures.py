"""The users in the fixtures have the permissions of their roles, on which tests of permissions rely."""

import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from devices.models import Device


def test_members_see_their_own_sites_devices_only(
    seattle01: Device, chicago01: Device, viewer: User, operator: User, owner: User, outsider: User
) -> None:
    for member in (viewer, operator, owner):
        assert list(Device.objects.for_user(member)) == [seattle01]
    assert list(Device.objects.for_user(outsider)) == [chicago01]


def test_a_superuser_sees_all(seattle01: Device, chicago01: Device, chicago02: Device, superuser: User) -> None:
    assert set(Device.objects.for_user(superuser)) == {seattle01, chicago01, chicago02}


def test_the_tests_have_a_data_folder_of_their_own() -> None:
    assert settings.SETTINGS_MODULE == "tests.settings"
    assert Path(settings.DATA_DIR).parent == Path(tempfile.gettempdir())
    assert settings.MODELS_DIR != settings.DATA_DIR / "models"

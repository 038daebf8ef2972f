"""Two sites with their three devices and their users, which most tests share."""

from django.contrib.auth.models import User

from devices.models import Device, Membership, Site
from devices.roles import Role

SEATTLE01 = "deeplens_HoVip9KQTXiC3UFub47lJA"
CHICAGO01 = "deeplens_bmTWwitIRUi_mASjZASUHA"
CHICAGO02 = "deeplens_Hgs6kj_yQASF2x-3fOxCHA"

PASSWORD = "a password for tests"


def seattle() -> Site:
    return Site.objects.get_or_create(slug="seattle", name="Seattle", timezone="America/Los_Angeles")[0]


def chicago() -> Site:
    return Site.objects.get_or_create(slug="chicago", name="Chicago", timezone="America/Chicago")[0]


def seattle01() -> Device:
    return Device.objects.get_or_create(site=seattle(), name="Seattle01", thing_name=SEATTLE01)[0]


def chicago01() -> Device:
    return Device.objects.get_or_create(site=chicago(), name="Chicago01", thing_name=CHICAGO01)[0]


def chicago02() -> Device:
    return Device.objects.get_or_create(site=chicago(), name="Chicago02", thing_name=CHICAGO02)[0]


def user(name: str, roles: dict[Site, Role] | None = None) -> User:
    """Return a user with these roles, whose password is `PASSWORD`."""
    somebody = User.objects.create_user(name, password=PASSWORD)
    for site, role in (roles or {}).items():
        Membership.objects.create(user=somebody, site=site, role=role)
    return somebody


def superuser(name: str = "admin") -> User:
    return User.objects.create_superuser(name, password=PASSWORD)

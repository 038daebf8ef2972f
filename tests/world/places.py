"""Two sites with their three devices and their users, which most tests share."""

from django.contrib.auth.models import User

from devices.models import Device, Membership, Site, Thing
from devices.rules.roles import Role

SEATTLE01 = "deeplens_HoVip9KQTXiC3UFub47lJA"
CHICAGO01 = "deeplens_bmTWwitIRUi_mASjZASUHA"
CHICAGO02 = "deeplens_Hgs6kj_yQASF2x-3fOxCHA"

PASSWORD = "a password for tests"


def seattle() -> Site:
    return Site.objects.get_or_create(slug="seattle", name="Seattle", timezone="America/Los_Angeles")[0]


def chicago() -> Site:
    return Site.objects.get_or_create(slug="chicago", name="Chicago", timezone="America/Chicago")[0]


def device(site: Site, name: str, thing: str) -> Device:
    """Return the device that has always been at this place. No state of it is stored."""
    return Device.objects.get_or_create(site=site, name=name, thing=Thing.objects.get_or_create(name=thing)[0])[0]


def seattle01() -> Device:
    return device(seattle(), "Seattle01", SEATTLE01)


def chicago01() -> Device:
    return device(chicago(), "Chicago01", CHICAGO01)


def chicago02() -> Device:
    return device(chicago(), "Chicago02", CHICAGO02)


def user(name: str, roles: dict[Site, Role] | None = None) -> User:
    """Return a user with these roles, whose password is `PASSWORD`."""
    somebody = User.objects.create_user(name, password=PASSWORD)
    for site, role in (roles or {}).items():
        Membership.objects.create(user=somebody, site=site, role=role)
    return somebody


def superuser(name: str = "admin") -> User:
    return User.objects.create_superuser(name, password=PASSWORD)

"""The writes that people make about sites, members, devices, settings and tokens.

Where things are:

    register_device    a thing comes to a place for the first time
    move_device        the thing goes on at another place
    replace_device     another thing goes on at the place
    retire_device      the thing leaves the place
    reopen_device      the thing had not left after all
    correct_arrival    the thing came at another time
    correct_departure  the thing left at another time
    rename_device      the place gets another name
    rename_thing       the thing, which was never heard, has another name
    delete_device      the thing, which was never heard, is not there

What a thing saw stays with the place where it was. So a date is not changed past facts: each of these functions raises
`ValidationError`, with one sentence that says how many there are. The same holds for whatever else speaks against a
change, and nothing is written then.
"""

import datetime as dt
import hashlib
import logging
import secrets
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from devices.intake.fact_kinds import count_facts
from devices.models import SKEW_TO_FLAG, ApiToken, Device, DeviceState, Membership, Site, Thing
from devices.reading.places import doubt_of
from devices.rules.roles import Right, Role
from edge_agent.messages import DesiredSettings

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)


@transaction.atomic
def register_site(
    *, name: str, slug: str, timezone: str, latitude: float | None = None, longitude: float | None = None
) -> Site:
    """Create or update the site with this slug, and return it. Raises `ValidationError` if a value is wrong."""
    slug = Site._meta.get_field("slug").clean(slug, None)  # before a database is asked for it
    site = Site.objects.filter(slug=slug).first() or Site(slug=slug)
    site.name, site.timezone, site.latitude, site.longitude = name, timezone, latitude, longitude
    site.full_clean()
    site.save()
    return site


def change_site(*, site: Site) -> None:
    """Save this site, which may be new. Raises `ValidationError` if a value is wrong."""
    site.full_clean()
    site.save()


@transaction.atomic
def register_device(
    *,
    site: Site,
    name: str,
    thing_name: str,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    by: "User | None" = None,
) -> Device:
    """Register the thing at this place, and return the device. If the thing is there already, return it unchanged.

    With `by`, the thing must not be, or have been last, at a site where that user may not change devices.

    Without `since`, the stretch begins before the thing's first message, unless the thing or the place has an earlier
    stretch; then it begins now. Raises `ValidationError`, for example if the thing is at another place.
    """
    # Before a database is asked for them.
    thing_name = Thing._meta.get_field("name").clean(thing_name, None)
    name = Device._meta.get_field("name").clean(name, None)
    if by is not None:
        _check_thing_is_free(thing_name, by)
    there = Device.objects.open().filter(thing__name=thing_name).select_related("site", "thing")
    present: Device | None = there.first()
    if present is not None and since is None and until is None:
        if (present.site_id, present.name) == (site.pk, name):
            return present
        raise ValidationError(
            f"The thing “{thing_name}” is registered as {present} at {present.site}; to move it, run"
            f" `manage.py place move {present.site.slug}/{present.name} {site.slug}/{name}`."
        )
    thing = Thing.objects.filter(name=thing_name).first() or Thing(name=thing_name)
    if thing.pk is None:
        thing.full_clean()
        thing.save()
    if since is None and until is None and _has_earlier_stretch(thing, site, name):
        since = timezone.now()
    device = Device(site=site, name=name, thing=thing, since=since, until=until)
    _save(device)
    DeviceState.objects.get_or_create(thing=thing)
    return device


def _check_thing_is_free(thing_name: str, by: "User") -> None:
    """Raise `ValidationError` if the thing is another site's. The sentence does not tell which one."""
    spots = Device.objects.filter(thing__name=thing_name).select_related("site")
    latest = max(spots, key=lambda device: device.until or dt.datetime.max.replace(tzinfo=dt.UTC), default=None)
    if latest is not None and not latest.site.allows(by, Right.OPERATE):
        raise ValidationError(
            f"The thing name “{thing_name}” belongs to a camera of another site. An operator of both sites can move it."
        )


def _has_earlier_stretch(thing: Thing, site: Site, name: str) -> bool:
    return Device.objects.filter(thing=thing).exists() or Device.objects.filter(site=site, name=name).exists()


@transaction.atomic
def move_device(*, device: Device, site: Site, name: str, at: dt.datetime) -> Device:
    """End the thing's stretch at this place, begin one at the other place, and return the new device."""
    _end(device, at)
    moved = Device(site=site, name=name, thing_id=device.thing_id, since=at)
    _save(moved)
    return moved


@transaction.atomic
def replace_device(*, device: Device, thing_name: str, at: dt.datetime, by: "User | None" = None) -> Device:
    """End the thing's stretch at this place, begin one of the other thing there, and return the new device.

    With `by`, the other thing must not be one of a site where that user may not change devices.
    """
    _end(device, at)
    return register_device(site=device.site, name=device.name, thing_name=thing_name, since=at, by=by)


@transaction.atomic
def retire_device(*, device: Device, at: dt.datetime) -> None:
    """End the thing's stretch at this place. Whatever it takes from then on is quarantined."""
    _end(device, at)


@transaction.atomic
def reopen_device(*, device: Device) -> None:
    """Let the thing's latest stretch go on as if it had never ended."""
    device = _locked(device)
    if device.until is None:
        raise ValidationError(f"{device} is still at {device.site}.")
    device.until = None
    _save(device)


@transaction.atomic
def correct_arrival(*, device: Device, since: dt.datetime | None) -> None:
    """Correct when the thing came to this place; None: before its first message.

    If another stretch ended when this one began, because the thing moved or was replaced, it now ends at this time too.
    """
    device = _locked(device)
    before = _neighbours(device, until=device.since)
    if since is None and before:
        raise ValidationError(f"Another stretch ended when {device} came to {device.site}; say at which time.")
    if device.since is None or (since is not None and since >= device.since):
        _check_facts(device, device.since, since)
        _check_reach(device, since=since)
        device.since = since
        shorter, longer = [device], before
    else:
        for each in before:
            _check_facts(each, since, device.since)
            _check_reach(each, until=since)
        device.since = since
        shorter, longer = before, [device]
    for each in before:
        each.until = since
    _save(*shorter, *longer)


@transaction.atomic
def correct_departure(*, device: Device, until: dt.datetime) -> None:
    """Correct when the thing left this place. Raises `ValidationError` if it has not left; `retire_device` is for that.

    If another stretch began when this one ended, because the thing moved or was replaced, it now begins at this time
    too.
    """
    device = _locked(device)
    if device.until is None:
        raise ValidationError(f"{device} is still at {device.site}; retire it, or move it.")
    _check_not_ahead(until)
    after = _neighbours(device, since=device.until)
    if until <= device.until:
        _check_facts(device, until, device.until)
        _check_reach(device, until=until)
        shorter, longer = [device], after
    else:
        for each in after:
            _check_facts(each, device.until, until)
            _check_reach(each, since=until)
        shorter, longer = after, [device]
    device.until = until
    for each in after:
        each.since = until
    _save(*shorter, *longer)


@transaction.atomic
def rename_device(*, device: Device, name: str) -> None:
    """Give the place another name, also in the past: for every device that has ever been there."""
    device = _locked(device)
    if name == device.name:
        return
    if Device.objects.filter(site=device.site_id, name=name).exists():
        raise ValidationError(f"{device.site} has, or had, another device of the name “{name}”.")
    for each in Device.objects.of_spot(device).select_for_update():
        each.name = name
        _save(each)


@transaction.atomic
def rename_thing(*, thing: Thing, name: str) -> None:
    """Correct the name of a thing that was never heard. The messages of one that was heard bear its former name."""
    if name == thing.name:
        return
    if _was_heard(thing):
        raise ValidationError(f"“{thing}” has sent messages under this name; to change the camera, replace the device.")
    former, thing.name = thing.name, name
    thing.full_clean()
    thing.save()
    Device.objects.filter(thing__name=former).update(thing=name)


@transaction.atomic
def delete_device(*, device: Device) -> None:
    """Delete a device that was never heard, and its thing if that has no other place."""
    device = _locked(device)
    check_deletion(device=device)
    device.delete()
    if not Device.objects.filter(thing__name=device.thing_id).exists():
        device.thing.delete()


def add_member(*, site: Site, user: "User", role: Role) -> Membership:
    """Give the user this role at the site, in place of the user's former role there."""
    membership, _ = Membership.objects.update_or_create(site=site, user=user, defaults={"role": role})
    return membership


def configure_device(*, device: Device, settings: DesiredSettings, now: dt.datetime) -> None:
    """Store the desired settings, which `mqtt/settings.py` sends. The device keeps its own value where one is None."""
    thing = device.thing
    thing.desired_config = msgspec.to_builtins(settings)
    thing.config_unsent_since = now
    thing.save(update_fields=["desired_config", "config_unsent_since"])


def issue_device_token(*, device: Device) -> str:
    """Replace the token of the device's thing by a new one, and return its text, of which only a digest is stored."""
    token = secrets.token_urlsafe(32)
    device.thing.token_digest = token_digest(token)
    device.thing.save(update_fields=["token_digest"])
    return token


def issue_api_token(
    *, user: "User", name: str, only_reads: bool = False, expires_at: dt.datetime | None = None
) -> tuple[ApiToken, str]:
    """Create a token with which a program acts as this user. Return it with its text, of which only a digest is stored.

    Raises `ValidationError` if the name is missing or too long.
    """
    text = secrets.token_urlsafe(32)
    digest = token_digest(text)
    token = ApiToken(user=user, name=name, only_reads=only_reads, expires_at=expires_at, token_digest=digest)
    token.full_clean()
    token.save()
    return token, text


def revoke_api_token(*, token: ApiToken) -> None:
    """Delete the token, which is refused from now on."""
    token.delete()


def revoke_api_tokens(*, user: "User") -> int:
    """Delete all tokens of the user, as after a stolen password. Return their number."""
    count, _ = ApiToken.objects.filter(user=user).delete()
    return count


USE_STORED_EVERY = dt.timedelta(hours=1)
"""Often enough to tell a forgotten token from one in use, without a write for each request."""


def record_use(*, token: ApiToken, now: dt.datetime) -> None:
    """Store that the token was used, to the hour."""
    if token.used_at is None or now - token.used_at >= USE_STORED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)


def token_digest(token: str) -> str:
    """Return the hexadecimal digest under which the token is stored."""
    # A plain hash is enough: the token is 256 random bits, not a password.
    return hashlib.sha256(token.encode()).hexdigest()


def check_deletion(*, device: Device) -> None:
    """Raise `ValidationError` if the device was heard, so that it must not be deleted."""
    if (device.is_open and _was_heard(device.thing)) or count_facts(device):
        raise ValidationError(f"{device} has sent messages, and its numbers would go with it; retire it instead.")


def _was_heard(thing: Thing) -> bool:
    return DeviceState.objects.filter(thing=thing, last_seen_at__isnull=False).exists()


def _end(device: Device, at: dt.datetime) -> None:
    device = _locked(device)
    if device.until is not None:
        raise ValidationError(f"{device} left {device.site} at {device.until.isoformat()} already.")
    _check_not_ahead(at)
    _check_facts(device, at, None)
    _check_reach(device, until=at)
    device.until = at
    _save(device)
    # A thing that goes on at another place keeps its credentials; the task looks where it is after the commit.
    transaction.on_commit(partial(async_task, "devices.tasks.end_setups_and_credentials"))


def _locked(device: Device) -> Device:
    """Return the device as it is now, and keep others from changing where its thing is."""
    Thing.objects.select_for_update().get(devices=device.pk)
    now: Device = Device.objects.select_related("site", "thing__state").get(pk=device.pk)
    return now


def _neighbours(device: Device, **edge: dt.datetime | None) -> list[Device]:
    """Return the other stretches of the device's thing and of its place that have this edge."""
    if None in edge.values():
        return []
    same = Q(thing__name=device.thing_id) | Q(site=device.site_id, name=device.name)
    return list(Device.objects.filter(same, **edge).exclude(pk=device.pk).select_related("site", "thing__state"))


def _check_not_ahead(at: dt.datetime) -> None:
    if at > timezone.now():
        raise ValidationError("A device cannot leave its place in the future.")


def _check_facts(device: Device, start: dt.datetime | None, end: dt.datetime | None) -> None:
    """Raise `ValidationError` if the device has facts in this time, which is about to be another's or nobody's.

    A fact may bear a time that is wrong by `SKEW_TO_FLAG`, because a clock may be, and by as much as the thing's clock
    is known to be.
    """
    state = device.thing.known_state
    ahead = dt.timedelta(milliseconds=(state.clock_skew_ms or 0) if state is not None and state.clock_is_off else 0)
    start = None if start is None else start + ahead + SKEW_TO_FLAG
    end = None if end is None else end + ahead - SKEW_TO_FLAG
    _refuse(device, count_facts(device, start=start, end=end), start, end)


def _check_reach(device: Device, *, since: dt.datetime | None = None, until: dt.datetime | None = None) -> None:
    """Raise `ValidationError` if the device has facts further outside these edges than the intake looks for them.

    Another delivery of such a fact would be placed in another stretch, not found here, and counted twice. Several
    small corrections would otherwise move an edge that far.
    """
    doubt = doubt_of(device.thing.known_state)
    if since is not None:
        end = since - doubt
        _refuse(device, count_facts(device, end=end, only_with_key=True), None, end)
    if until is not None:
        start = until + doubt
        _refuse(device, count_facts(device, start=start, only_with_key=True), start, None)


def _refuse(device: Device, facts: Mapping[str, int], start: dt.datetime | None, end: dt.datetime | None) -> None:
    """Raise `ValidationError` if there are facts, and say how many of which kind there are in this time."""
    if facts:
        listed = ", ".join(f"{count:,} {name}" for name, count in facts.items())
        span = f"since {start.isoformat()}" if start is not None else "before"
        if end is not None:
            span += f" until {end.isoformat()}" if start is not None else f" {end.isoformat()}"
        raise ValidationError(
            f"{device} at {device.site} has {listed} {span}; facts stay at their place, so select a time without facts."
        )


def _save(*devices: Device) -> None:
    """Save the devices in this order. Raises `ValidationError`."""
    for device in devices:
        device.full_clean()
        device.save()

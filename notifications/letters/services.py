"""All functions that make letters, and that change who reads them."""

import datetime as dt
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from devices.faults.isolation import each
from devices.models import Site
from notifications.letters.contents import read_content
from notifications.models import Copy, Letter, Reader, State, Unit

if TYPE_CHECKING:
    from devices.models import User

MADE_AFTER = dt.timedelta(hours=6)
"""A letter is made at six o'clock after the last night: most of what cameras kept while offline has arrived by then."""

ALL_AFTER = dt.timedelta(hours=1)
"""The letter about all sites waits so long for the letter of the last site."""

AT_ONCE = 20
"""Letters that one run of the task makes; the next run goes on."""

MOST_READERS = 100
"""Readers of one site."""

KEPT_FOR = dt.timedelta(days=3 * 366)
"""How long letters can be opened."""

SALT = "notifications.letters"


def latest_period(unit: Unit, zone: dt.tzinfo, now: dt.datetime) -> dt.date:
    """Return the first day of the latest week or month whose letter is due in this zone."""
    today = (now.astimezone(zone).replace(tzinfo=None) - MADE_AFTER).date()
    if unit == Unit.WEEK:
        return today - dt.timedelta(days=today.weekday() + 7)
    return (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def make_due(*, now: dt.datetime) -> int:
    """Make the letters that are due, and the copies for their readers; return how many letters were made."""
    due = list(_due(now))
    # In any order: letters that cannot be made do not keep others waiting.
    due = random.sample(due, min(len(due), AT_ONCE))
    made = sum(each(due, lambda one: _make(*one, now=now), what="making the letter of"))
    sum(each(list(_readers_of_all(now)), lambda one: _copy(*one, now=now), what="making the letter for"))
    return made


def _due(now: dt.datetime) -> Iterator[tuple[Site, Unit, dt.date]]:
    """Yield the sites with a camera whose letter is missing, with the period."""
    sites = list(Site.objects.filter(devices__isnull=False).distinct().order_by("pk"))
    wanted = [(site, unit, latest_period(unit, site.zone, now)) for site in sites for unit in Unit]
    firsts = {first for _, _, first in wanted}
    known = set(Letter.objects.filter(first__in=firsts).values_list("site_id", "unit", "first"))
    return (each for each in wanted if (each[0].pk, each[1].value, each[2]) not in known)


def _make(site: Site, unit: Unit, first: dt.date, *, now: dt.datetime) -> int:
    return int(make_letter(site=site, unit=unit, first=first, now=now) is not None)


@transaction.atomic
def make_letter(*, site: Site, unit: Unit, first: dt.date, now: dt.datetime) -> Letter | None:
    """Make the site's letter about the week or month from `first` on, with a copy for each reader.

    Return None without any camera then; the letter that is there already stays as it is.
    """
    known: Letter | None = Letter.objects.filter(site=site, unit=unit, first=first).first()
    if known is not None:
        return known
    content = read_content(site, unit, first, now=now) or {}
    last = dt.date.fromisoformat(content["last"]) if content else first
    letter, is_new = Letter.objects.get_or_create(
        site=site, unit=unit, first=first, defaults={"last": last, "made_at": now, "content": content}
    )
    if is_new and content:
        for reader in Reader.objects.filter(site=site, unit=unit):
            _copy(reader, first, now=now)
    return letter if content else None


def _copy(reader: Reader, first: dt.date, *, now: dt.datetime) -> int:
    _, is_new = Copy.objects.get_or_create(
        reader=reader, first=first, defaults={"created_at": now, "next_try_at": now, "state": State.WAITING}
    )
    return int(is_new)


def _readers_of_all(now: dt.datetime) -> Iterator[tuple[Reader, dt.date]]:
    """Yield the readers of all sites whose letter is due: once the week is over at the last of their sites."""
    for reader in Reader.objects.filter(site=None).select_related("user"):
        sites = list(Site.objects.for_user(reader.user).filter(devices__isnull=False).distinct())
        if not sites:
            continue
        unit = Unit(reader.unit)
        first = min(latest_period(unit, site.zone, now - ALL_AFTER) for site in sites)
        if first_after(unit, first) <= reader.added_at.date():
            continue  # The week was over before somebody wanted to read it.
        if not Copy.objects.filter(reader=reader, first=first).exists():
            yield reader, first


def first_after(unit: Unit, first: dt.date) -> dt.date:
    """Return the first day after the week or month that begins on `first`."""
    if unit == Unit.WEEK:
        return first + dt.timedelta(days=7)
    return (first.replace(day=1) + dt.timedelta(days=31)).replace(day=1)


def letters_for(reader: Reader, first: dt.date) -> list[Letter]:
    """Return the letters of this period that the reader may read now, by the name of the site."""
    letters = Letter.objects.filter(unit=reader.unit, first=first).exclude(content={}).select_related("site")
    if reader.user is not None:
        letters = letters.for_user(reader.user)
    if reader.site_id is not None:
        letters = letters.filter(site=reader.site_id)
    return list(letters.order_by("site__name"))


@transaction.atomic
def add_reader(*, site: Site | None, unit: str, address: str, user: "User | None" = None, by: "User") -> Reader:
    """Have letters sent to an address: about a site, or about all sites of a user.

    Who reads already stays one reader. Raises `ValidationError` with a sentence.
    """
    if unit not in Unit.values:
        raise ValidationError({"unit": "Letters come each week or each month: write week or month."})
    address = address.strip()
    if not address:
        raise ValidationError({"address": "Give an e-mail address. An account gets one on its own page."})
    validate_email(address)
    same = Reader.objects.filter(site=site, unit=unit)
    mine = same.filter(user=user) if site is None else same.filter(address__iexact=address)
    known: Reader | None = mine.first()
    if known is not None:
        return known
    if site is not None and same.count() >= MOST_READERS:
        raise ValidationError(f"A site has at most {MOST_READERS} readers of a letter.")
    made = Reader(site=site, unit=unit, address=address, user=user, added_at=timezone.now(), added_by=by)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        made = mine.get()  # A request at the same time has added the same reader.
    return made


def remove_reader(*, reader: Reader) -> None:
    """Send this reader no more letters."""
    reader.delete()


def token_of(reader: Reader, first: dt.date | None = None) -> str:
    """Return what proves in a link that its holder got this reader's mail."""
    return signing.dumps([reader.pk, first.isoformat() if first else ""], salt=SALT, compress=False)


def find_by_token(token: str) -> tuple[Reader, dt.date | None] | None:
    """Return the reader, and the first day of the letter if the token names one; None if there is no such reader."""
    try:
        number, first = signing.loads(token, salt=SALT)
        day = dt.date.fromisoformat(first) if first else None
    except (signing.BadSignature, ValueError, TypeError):
        return None
    reader = Reader.objects.filter(pk=number).select_related("site", "user").first()
    if reader is None or (reader.user is not None and not reader.user.is_active):
        return None
    return reader, day


def own_readers(user: "User", sites: Iterable[Site | None]) -> Sequence[Reader]:
    """Return what this user reads about these sites; None stands for all sites."""
    numbers = [site.pk if site else None for site in sites]
    return [reader for reader in Reader.objects.filter(user=user) if reader.site_id in numbers]


def forget_old(*, now: dt.datetime) -> int:
    """Delete letters past their term, and return how many."""
    Copy.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return Letter.objects.filter(made_at__lt=now - KEPT_FOR).delete()[0]


def address_of(user: "User") -> str:
    """Return the address of the user's account; "" without one."""
    found: str = get_user_model().objects.filter(pk=user.pk).values_list("email", flat=True).first() or ""
    return found

"""Takes the copies of letters that are due, renders them, mails them, and records what became of them."""

import datetime as dt
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.urls import reverse

from notifications.letters import rendering
from notifications.letters.rendering import Links, Rendered
from notifications.letters.services import letters_for, token_of
from notifications.models import Copy, Reader, State, Unit
from notifications.sending import mails
from notifications.sending.retrying import LEASE, outcome

PLACES = 4
"""So many letters are under way at a time, whoever they are for: they all go to one mail server."""

Contents = Sequence[tuple[dict[str, Any], str]]


@dataclass(frozen=True, slots=True)
class LetterParcel:
    """A letter for one reader."""

    copy: Copy
    reader: Reader
    contents: Contents
    """The content of each site's letter, with the link to it."""
    number: int

    @property
    def place(self) -> Hashable:
        return ("letters", self.number)

    def send(self) -> None:
        """Mail the letter with its PDF. Raises `Failed` and `Refused`."""
        if not self.contents:
            raise mails.Refused("There is no letter that this reader may read.")
        links = links_of(self.reader, self.copy.first)
        letter = render(self.reader, self.contents, links)
        mails.send_letter(str(self.copy.pk), self.reader.address, letter, unsubscribe=links.unsubscribe)

    @transaction.atomic
    def record(self, error: BaseException | None, *, now: dt.datetime) -> None:
        """Store how the sending ended."""
        ended = outcome(error, attempts=self.copy.attempts + 1, now=now)
        Copy.objects.filter(pk=self.copy.pk).update(**ended.fields(now))


@transaction.atomic
def take(*, now: dt.datetime, busy: Collection[Hashable] = ()) -> list[LetterParcel]:
    """Take copies that are due, as many as there are free places. The attempt is counted before the copy is sent."""
    free = [number for number in range(PLACES) if ("letters", number) not in busy]
    due = Copy.objects.filter(state=State.WAITING, next_try_at__lte=now).order_by("next_try_at", "created_at")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",))
    copies = list(due.select_related("reader__user", "reader__site")[: len(free)])
    if copies:
        taken = [copy.pk for copy in copies]
        Copy.objects.filter(pk__in=taken).update(attempts=F("attempts") + 1, next_try_at=now + LEASE)
    return [
        LetterParcel(copy, copy.reader, contents_for(copy.reader, copy.first), number)
        for copy, number in zip(copies, free, strict=False)
    ]


def contents_for(reader: Reader, first: dt.date) -> Contents:
    """Return the content of each letter that the reader may read about this period, with a link for an account."""
    return [
        (letter.content, address(reverse("site-letter", args=[letter.site.slug, letter.pk])) if reader.user else "")
        for letter in letters_for(reader, first)
    ]


def render(reader: Reader, contents: Contents, links: Links) -> Rendered:
    """Render the letter about the reader's site, or about all sites. Raises `ValueError` without any content."""
    if reader.site_id is None:
        return rendering.render_all(contents, links)
    return rendering.render_site(contents[0][0], links)


def links_of(reader: Reader, first: dt.date) -> Links:
    """Return the links in a reader's mail. They need no account."""
    opened = reverse("letter-open", args=[token_of(reader, first)])
    unsubscribe = reverse("letter-unsubscribe", args=[token_of(reader)])
    return Links(address(opened), address(f"{opened}?as=pdf"), address(unsubscribe))


def address(path: str) -> str:
    """Return the whole address of a page of this installation."""
    return f"{settings.PAGES_URL}{path}"


def unit_in_words(unit: str) -> str:
    """Return "weekly" or "monthly"."""
    return "weekly" if unit == Unit.WEEK else "monthly"

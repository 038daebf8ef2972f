"""Asks Anthias players what they show now. Anthias keeps no record of plays, so that one is made by asking.

An Anthias player answers `GET /api/v1/viewer_current_asset` with the asset on its screen: `asset_id`, `name` and `uri`;
or with an empty list, if it shows nothing. The start and the end of a play are known to the interval of asking.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

import msgspec
import urllib3
from django.utils import timezone
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, parse_url

from devices.faults.isolation import each
from plays.intake.reports import Report
from plays.intake.services import store
from plays.models import MOST_NAME, Screen, Source

log = logging.getLogger(__name__)

PATH = "/api/v1/viewer_current_asset"
EVERY_S = 5.0
"""How often each player is asked: a third of the shortest usual play."""

TIMEOUT = Timeout(connect=2.0, read=4.0)
"""Anthias itself waits two seconds for its viewer before it answers."""

MOST_BYTES = 65_536
WANTS_LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.FOUND)
"""A player with a password leads to its page of the login, or refuses."""

AT_ONCE = 16
"""Players that are asked at the same time."""

TOLD_EVERY = dt.timedelta(minutes=1)
"""How often a play that goes on is stored."""


class Asset(msgspec.Struct):
    """What an Anthias player says of what it shows; other keys are ignored."""

    asset_id: str | None = None
    name: str | None = None
    uri: str | None = None


NOTHING = Annotated[list[Asset], msgspec.Meta(max_length=0)]


class NoAnswer(Exception):
    """The player did not say what it shows. The text is one sentence."""


def ask(address: str) -> Asset | None:
    """Ask the player at this address what it shows; None where it shows nothing. Raises `NoAnswer`."""
    try:
        url = parse_url(address)
        if url.scheme not in ("http", "https") or not url.host:
            raise NoAnswer(f"“{address[:80]}” is no address of a player, such as http://10.0.0.7.")
        with urllib3.PoolManager(retries=False, timeout=TIMEOUT) as pool:
            response = pool.request("GET", f"{address.rstrip('/')}{PATH}", redirect=False, preload_content=False)
            body = response.read(MOST_BYTES)
            response.release_conn()
    except HTTPError as error:
        raise NoAnswer(f"The player at {address[:80]} cannot be reached: {type(error).__name__}.") from None
    if response.status in WANTS_LOGIN:
        raise NoAnswer(
            f"The player at {address[:80]} wants a password ({response.status}); turn its authentication off."
        )
    if response.status != 200:
        raise NoAnswer(f"The player at {address[:80]} answered {response.status}.")
    try:
        asset = msgspec.json.decode(body, type=Asset | NOTHING)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NoAnswer(f"The player at {address[:80]} does not answer as Anthias does.") from None
    return asset if isinstance(asset, Asset) and (asset.asset_id or asset.name or asset.uri) else None


@dataclass(slots=True)
class _Showing:
    content: str
    name: str
    started_at: dt.datetime
    told_at: dt.datetime


@dataclass(slots=True)
class Asking:
    """What each player showed when it was asked last; a restart begins a new play."""

    showing: dict[int, _Showing] = field(default_factory=dict)

    def turn(self) -> int:
        """Ask all players once, side by side, and store what has changed; return how many were asked."""
        screens = list(Screen.objects.exclude(asked_address="").select_related("site"))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(_answer, [screen.asked_address for screen in screens]))
        now = timezone.now()
        taken = each(
            zip(screens, answers, strict=True),
            lambda pair: self._take(pair[0], pair[1], now),
            what="storing what a player shows:",
        )
        list(taken)
        for gone in self.showing.keys() - {screen.pk for screen in screens}:
            del self.showing[gone]
        return len(screens)

    def _take(self, screen: Screen, answer: Asset | NoAnswer | None, now: dt.datetime) -> None:
        problem = str(answer)[:300] if isinstance(answer, NoAnswer) else ""
        if problem != screen.asked_problem:
            Screen.objects.filter(pk=screen.pk).update(asked_problem=problem)
        before = self.showing.get(screen.pk)
        if isinstance(answer, NoAnswer):
            return  # It may go on; the play lasts until it is known to be another one.
        content = None if answer is None else _content(answer)
        if before is not None and content == before.content:
            if now - before.told_at >= TOLD_EVERY:
                before.told_at = now
                _store(screen, [Report(before.content, before.started_at, name=before.name, seen_until=now)], now)
            return
        reports = [] if before is None else [Report(before.content, before.started_at, now, name=before.name)]
        self.showing.pop(screen.pk, None)
        if answer is not None and content is not None:
            begun = _Showing(content, (answer.name or "")[:MOST_NAME], now, now)
            self.showing[screen.pk] = begun
            reports.append(Report(begun.content, now, name=begun.name))
        _store(screen, reports, now)


def _store(screen: Screen, reports: Sequence[Report], now: dt.datetime) -> None:
    stored = store(screen=screen, reports=reports, source=Source.ANTHIAS, now=now)
    for _, sentence in stored.refused:
        log.warning("A play of the screen “%s” was not stored. %s", screen, sentence)


def _content(asset: Asset) -> str:
    """Return the content's key: the name that people gave it, which stays when the asset is uploaded again."""
    return (asset.name or asset.uri or asset.asset_id or "")[:MOST_NAME]


def _answer(address: str) -> Asset | NoAnswer | None:
    try:
        return ask(address)
    except NoAnswer as error:
        return error
    except Exception:
        log.exception("A fault stopped the question to the player at %s. The others are not affected.", address)
        return NoAnswer(f"The player at {address[:80]} cannot be asked; the log of the asking process tells why.")

"""The page on which the owners of a site read its audit."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from devices.managing.access import find_site_with
from devices.models import Action, AuditEntry, Site, Way
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

ROWS = 50
"""Entries on a page."""


class Line(NamedTuple):
    """An entry of the audit in words."""

    at: dt.datetime
    who: str
    what: str
    changes: list[str]


@login_required
@require_safe
def site_audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the site's audit, newest first: those entries with the action `?action=` and a key below `?before=`."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.MANAGE)
    entries, action, before = AuditEntry.objects.all().of_site(site), request.GET.get("action", ""), 0
    if action in Action:
        entries = entries.filter(action=action)
    if request.GET.get("before"):
        before = _number(request.GET["before"])
        entries = entries.filter(pk__lt=before)
    found = list(entries[: ROWS + 1])
    context = {
        "site": site,
        "lines": _in_words(found[:ROWS], site),
        "action": action,
        "actions": Action.choices,
        "older": found[ROWS - 1].pk if len(found) > ROWS else None,
        "is_first": not before,
    }
    return render(request, "devices/managing/history.html", context)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(2**63)) - 1:
        raise Http404("“before” is the key of an entry, a number.")
    return int(text)


def _in_words(entries: Iterable[AuditEntry], site: Site) -> list[Line]:
    entries = list(entries)
    numbers = {number for entry in entries for number in (entry.by_id, entry.about) if number is not None}
    numbers |= {
        number
        for entry in entries
        for name, values in entry.changes.items()
        if name.endswith("by_id")
        for number in values
        if number is not None
    }
    names = dict(get_user_model()._default_manager.filter(pk__in=numbers).values_list("pk", "username"))
    return [_line(entry, names, site) for entry in entries]


def _line(entry: AuditEntry, names: dict[int, str], site: Site) -> Line:
    def account(number: int) -> str:
        return names.get(number, f"account {number}")

    if entry.by_id is not None:
        who = account(entry.by_id)
    elif entry.about is not None and entry.action == Action.REFUSED:
        who = account(entry.about)
    else:
        who = "A command or a task" if entry.way == Way.PROGRAM else "Somebody who is not signed in"
    what = _what(entry, account(entry.about) if entry.about is not None and entry.about != entry.by_id else "")
    way = "" if entry.way in (Way.PAGE, Way.PROGRAM) else f" (by the {entry.get_way_display()})"
    changes = {
        name: [each if each is None else account(each) for each in values] if name.endswith("by_id") else values
        for name, values in entry.changes.items()
    }
    return Line(entry.at, who, f"{what}{way}", _changes(changes, site, is_new=entry.action == Action.ADDED))


def _what(entry: AuditEntry, about: str) -> str:
    verb = entry.get_action_display().lower()
    if entry.subject == "account" and entry.action in (Action.SIGNED_IN, Action.SIGNED_OUT, Action.REFUSED):
        return verb
    named = entry.label or ("" if about or not entry.number else f"no. {entry.number}")
    article = "" if entry.subject in _PLURALS else "the "
    named = f"of {named}" if entry.action == Action.LOOKED and entry.label else named
    of_whom = f" of {about}" if about else ""
    return " ".join(filter(None, [verb, f"{article}{entry.subject}", named])) + of_whom


_PLURALS = {"pictures", "people", "coffees", "opening hours"}


def _changes(changes: dict[str, Any], site: Site, *, is_new: bool) -> list[str]:
    """Return a line for each field. Of what is new, a field whose value is not recorded says nothing."""
    lines = []
    for name, values in changes.items():
        title = name.removesuffix("_id").replace("_", " ")
        if len(values) == 1:
            lines += [] if is_new else [f"{title}: changed"]
        elif values[0] is None:
            lines.append(f"{title}: {_value(values[1], site)}")
        else:
            lines.append(f"{title}: {_value(values[0], site)} → {_value(values[1], site)}")
    return lines


def _value(value: Any, site: Site) -> str:
    if isinstance(value, str) and len(value) > len("2026-01-01T00:00") and (at := parse_datetime(value)) is not None:
        return f"{at.astimezone(site.zone):%-d %b %Y, %H:%M}"
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {each}" for name, each in value.items() if each is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

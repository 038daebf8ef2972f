"""The section of a site's or device's page about unique visitors and reactions."""

from typing import Any

from django.template.loader import render_to_string

from analytics.pages.cards import Subject
from analytics.visitors import reads
from analytics.visitors.privacy import SMALLEST_GROUP, Shares

NAMED = 0.05
"""The smallest share of an emotion that is worth its name in a line."""


def visitors(subject: Subject) -> str:
    """What is known of the devices' visitors on each local day of the period, newest first."""
    period, devices = subject.period, subject.devices
    asked: dict[str, Any] = {"zone": period.zone, "start": period.start, "end": period.end, "now": period.now}
    days = [day for day in reads.visitors(devices, **asked) if day.start <= period.now][::-1]
    known = [day.visitors for day in days if day.visitors is not None]
    reactions = reads.reactions(devices, **asked)[::-1] if known and reads.reads_reactions() else []
    context = {
        "days": days,
        "known": bool(known),
        "most": max(known, default=0) or 1,
        "guests": any(day.guests for day in days),
        "reactions": [(day, in_words(day.shares)) for day in reactions if day.end <= period.now],
        "smallest": SMALLEST_GROUP,
        "zone": period.zone,
    }
    return render_to_string("analytics/visitors.html", context)


def in_words(shares: Shares | None) -> str:
    """The emotions that many enough showed, most first, such as "calm 62 %, happy 30 %"; empty where untold."""
    shown = sorted((shares or {}).items(), key=lambda share: -share[1])
    return ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in shown if share >= NAMED)

"""The card of unique visitors and reactions on the page of a site or device."""

from typing import Any

from django.template.loader import render_to_string

from analytics.features.visitors import reads
from analytics.pages.cards import Subject
from faces.people.feelings import SMALLEST_GROUP

SMALLEST_SHARE = 0.05
"""The smallest share of an emotion that the card names."""


def visitors_card(subject: Subject) -> str:
    """Return the visitors of the devices on each local day of the period, newest first."""
    period, devices = subject.period, subject.devices
    if period.has_months:
        return render_to_string("analytics/visitors.html", {"is_too_long": True})
    selection: dict[str, Any] = {"zone": period.zone, "start": period.start, "end": period.end, "now": period.now}
    days = [day for day in reads.read_visitors(devices, **selection) if day.start <= period.now][::-1]
    known = [day.visitors for day in days if day.visitors is not None]
    reactions = reads.read_reactions(devices, **selection)[::-1] if reads.has_reactions(devices) else []
    context = {
        "days": days,
        "known": bool(known),
        "most": max(known, default=0) or 1,
        "guests": any(day.guests for day in days),
        "reactions": [(day, describe_shares(day.shares)) for day in reactions if day.end <= period.now],
        "smallest": SMALLEST_GROUP,
        "zone": period.zone,
    }
    return render_to_string("analytics/visitors.html", context)


def describe_shares(shares: dict[str, float] | None) -> str:
    """Return the emotions with their shares, largest first, such as "calm 62 %, happy 30 %"; empty for None."""
    descending = sorted((shares or {}).items(), key=lambda share: -share[1])
    return ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in descending if share >= SMALLEST_SHARE)

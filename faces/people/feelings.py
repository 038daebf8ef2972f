"""Whether expressions of faces may be read at a site, and their counts, which say nothing about a person.

The EU's AI Act prohibits to infer emotions at workplaces and schools (Article 5(1)(f)), and asks for a notice before
(Article 50(3)). So nothing is asked for until an owner has confirmed both by name and date.
"""

import datetime as dt
import logging
from typing import TYPE_CHECKING

from django.db import transaction

from devices.models import Site
from devices.rules.roles import Right
from faces.models import Capture, ExpressionQuarter, FeelingsConfirmation, Sighting
from faces.recognisers.recogniser import Detections

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)

SMALLEST_GROUP = 5
"""The smallest number of people whose expressions are kept: the usual minimum of official statistics."""

QUARTER = dt.timedelta(minutes=15)

SETTLED_AFTER = dt.timedelta(hours=1)
"""The time after a quarter hour in which most of its pictures have come and are recognised."""


class FeelingsRefused(ValueError):
    """Expressions may not be read. The text is one sentence with the reason."""


def confirm_feelings(
    *,
    site: Site,
    jurisdiction: str,
    nobody_at_work_or_school: bool,
    notice_is_public: bool,
    by: "User",
    now: dt.datetime,
) -> FeelingsConfirmation:
    """Record that an owner confirms that expressions may be read at the site. Raises `FeelingsRefused`."""
    if not site.allows(by, Right.DECIDE_ON_FACES):
        raise FeelingsRefused(f"{by} is not an owner of {site}; only an owner may confirm this.")
    if not (nobody_at_work_or_school and notice_is_public and jurisdiction.strip()):
        raise FeelingsRefused(
            "Confirm that no employees and no students are seen and that a public notice hangs, and name the law."
        )
    row, _ = FeelingsConfirmation.objects.update_or_create(
        site=site,
        defaults={
            "jurisdiction": jurisdiction.strip(),
            "nobody_at_work_or_school": True,
            "notice_is_public": True,
            "confirmed_by": by,
            "confirmed_at": now,
        },
    )
    return row


@transaction.atomic
def withdraw_feelings(*, site: Site) -> int:
    """Stop reading expressions at the site, and delete their counts; return how many quarter hours had some."""
    # One by one, because the audit records deleted objects.
    for confirmation in FeelingsConfirmation.objects.filter(site=site):
        confirmation.delete()
    return int(ExpressionQuarter.objects.filter(device__site=site).delete()[0])


def may_read_expressions(capture: Capture) -> bool:
    """Whether an owner had confirmed it when the picture was taken. The capture's site has its `feelings` loaded."""
    confirmation = getattr(capture.device.site, "feelings", None)
    return confirmation is not None and confirmation.confirmed_at <= capture.taken_at


def count_expressions(*, capture: Capture, detections: Detections) -> None:
    """Add the strongest expression of each face to the counts of the quarter hour. Must be called in a transaction.

    Nothing is counted if the confirmation was withdrawn meanwhile.
    """
    strongest = [max(face.emotions, key=lambda name: face.emotions[name]) for face in detections.faces if face.emotions]
    if not strongest or not FeelingsConfirmation.objects.filter(site=capture.device.site_id).exists():
        return
    start = capture.taken_at.replace(minute=capture.taken_at.minute // 15 * 15, second=0, microsecond=0)
    row, _ = ExpressionQuarter.objects.select_for_update().get_or_create(device=capture.device, start=start)
    for name in strongest:
        row.counts[name] = row.counts.get(name, 0) + 1
    row.most_at_once = max(row.most_at_once, len(strongest))
    row.save(update_fields=["counts", "most_at_once"])


def settle_expressions(*, now: dt.datetime) -> int:
    """Keep the counts of quarter hours with at least `SMALLEST_GROUP` people, delete the others; return how many stay.

    People are counted who were recognised, or were in one picture together: two faces of two pictures may be one
    person's.
    """
    kept = 0
    for row in ExpressionQuarter.objects.filter(settled=False, start__lte=now - QUARTER - SETTLED_AFTER).iterator():
        of_quarter = Sighting.objects.filter(
            capture__device=row.device_id, capture__taken_at__gte=row.start, capture__taken_at__lt=row.start + QUARTER
        )
        recognised = of_quarter.exclude(person=None).values("person").distinct().count()
        if max(recognised, row.most_at_once) >= SMALLEST_GROUP:
            ExpressionQuarter.objects.filter(pk=row.pk).update(settled=True)
            kept += 1
        else:
            row.delete()
    return kept

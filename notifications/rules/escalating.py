"""Tells others when nobody acknowledges what was told, and takes acknowledgements."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from django.core import signing
from django.db import connection, transaction
from django.db.models import Q

from notifications.models import Happening, Kind, Notice, Rule, State
from notifications.rules import words

if TYPE_CHECKING:
    from devices.models import User

AT_ONCE = 200
"""Notices that are escalated in one transaction."""

SALT = "notifications.acknowledge"


def begins_at(rule: Rule, told_at: dt.datetime) -> dt.datetime | None:
    """Return when a notice that is told at `told_at` goes to the further channels; None if the rule has none.

    It goes there only if nobody has acknowledged it by then.
    """
    return told_at + dt.timedelta(minutes=rule.escalate_after_min) if rule.escalate_after_min else None


@transaction.atomic
def escalate(*, now: dt.datetime) -> int:
    """Write the notices for others of what nobody has acknowledged in time, and return how many.

    A camera that is back, and a rule that is off or silent, alarm nobody further.
    """
    late = Notice.objects.filter(escalate_at__lte=now, acknowledged_at=None).order_by("escalate_at")
    if connection.features.has_select_for_update_skip_locked:
        late = late.select_for_update(skip_locked=True, of=("self",))
    found = list(late.select_related("rule__site", "happening")[:AT_ONCE])
    if not found:
        return 0
    alarms = [alarm for notice in found if _is_open(notice, now) for alarm in _alarms(notice, now)]
    made = Notice.objects.bulk_create(alarms, ignore_conflicts=True)
    Notice.objects.filter(pk__in=[notice.pk for notice in found]).update(escalate_at=None)
    return len(made)


def _is_open(notice: Notice, now: dt.datetime) -> bool:
    rule, happening = notice.rule, notice.happening
    if happening is None or not rule.enabled or (rule.snoozed_until is not None and now < rule.snoozed_until):
        return False
    if happening.kind != Kind.CAMERA_OFF:
        return True
    back = Happening.objects.filter(kind=Kind.CAMERA_BACK, device=happening.device_id, at__gte=happening.at)
    return not back.exists()


def _alarms(notice: Notice, now: dt.datetime) -> list[Notice]:
    minutes = notice.rule.escalate_after_min
    text = f"Nobody has acknowledged this for {minutes} minute{'s' if minutes != 1 else ''}: {notice.text}"
    return [
        Notice(
            rule=notice.rule,
            channel=channel,
            happening=notice.happening,
            subject=words.shorten(f"{notice.rule.site.name}: {text}", 120),
            text=text,
            about_person=notice.about_person,
            happened_at=notice.happened_at,
            created_at=now,
            next_try_at=now,
            state=State.WAITING,
        )
        for channel in notice.rule.escalate_to.all()
        if channel.enabled
    ]


@transaction.atomic
def acknowledge(*, notice: Notice, now: dt.datetime, by: "User | None" = None) -> int:
    """Note that somebody takes care of what the notice tells, and of what was told with it; return of how much.

    Nobody else is told then.
    """
    told_together = Q(pk=notice.pk) | Q(channel=notice.channel_id, sent_with=notice.sent_with or notice.pk)
    happenings = Notice.objects.filter(told_together).values("happening")
    same = Notice.objects.filter(Q(pk=notice.pk) | Q(rule=notice.rule_id, happening__in=happenings))
    count: int = same.filter(acknowledged_at=None).update(acknowledged_at=now, acknowledged_by=by, escalate_at=None)
    return count


def token_of(notice_id: str) -> str:
    """Return what proves in a link that its holder got the message with this id."""
    return signing.dumps(notice_id, salt=SALT, compress=False)


def find_by_token(token: str) -> Notice | None:
    """Return the notice that a link is about; None if there is no such notice any more."""
    try:
        number = uuid.UUID(signing.loads(token, salt=SALT))
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
    found: Notice | None = Notice.objects.filter(pk=number).select_related("rule__site", "acknowledged_by").first()
    return found

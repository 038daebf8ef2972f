"""Sets and enforces what a site's owner allows with pictures of its cameras."""

import datetime as dt
import logging
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from devices.faults.isolation import step_by_step
from devices.models import Site, Thing
from devices.rules.roles import Right
from edge_agent.messages import TrainingRule
from learning.models import Label, Origin, Picture, TrainingPolicy

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)

OF_CAMERAS = ("from_cameras", "every", "megabytes", "data_set")
"""What a policy says of the pictures that cameras send for training."""

AT_ONCE = 200
"""Pictures that are removed in one transaction."""


@transaction.atomic
def set_training_policy(
    *, site: Site, by: "User", is_on: bool, keep_days: int, now: dt.datetime | None = None, **of_cameras: Any
) -> TrainingPolicy:
    """Set the policy. `of_cameras` are `from_cameras`, `every`, `megabytes` and `data_set`; the rest stays as it is.

    Raises `PermissionDenied` unless the user decides on faces there, and `ValidationError`.
    """
    if not site.allows(by, Right.DECIDE_ON_FACES):
        raise PermissionDenied(f"Only owners of {site} decide whether pictures of its cameras are kept for training.")
    policy, _ = TrainingPolicy.objects.get_or_create(site=site)
    policy.is_on, policy.keep_days = is_on, keep_days
    for name in OF_CAMERAS:
        if name in of_cameras:
            setattr(policy, name, of_cameras[name])
    policy.confirmed_by, policy.confirmed_at = (by, now or timezone.now()) if is_on else (None, None)
    policy.full_clean()
    policy.save()
    return policy


def policy_of(site: Site) -> TrainingPolicy:
    """Return the site's policy; an unsaved one that allows nothing if no owner has decided."""
    return TrainingPolicy.objects.filter(site=site).select_related("confirmed_by").first() or TrainingPolicy(site=site)


def rule_for(thing: Thing) -> TrainingRule | None:
    """Return which frames this thing shall send for training at the place where it is; None for none."""
    policy = (
        TrainingPolicy.objects.filter(
            is_on=True, from_cameras=True, site__devices__thing=thing, site__devices__until=None
        )
        .exclude(data_set=None)
        .first()
    )
    if policy is None:
        return None
    labels = tuple(Label.objects.filter(data_set=policy.data_set_id).values_list("key", flat=True))
    return TrainingRule(policy.every, float(policy.megabytes), labels)


def remove_old_pictures(*, now: dt.datetime) -> Iterator[int]:
    """Remove the pictures of cameras that are older than their sites allow; yield how many each batch has removed."""
    return step_by_step(Site.objects.all(), partial(_remove_old_of, now), what="removing the training pictures of")


def _remove_old_of(now: dt.datetime, site: Site) -> Iterator[int]:
    term = dt.timedelta(days=policy_of(site).keep_days)
    of_cameras = Picture.objects.filter(data_set__site=site, origin__in=(Origin.CAPTURE, Origin.FIELD))
    old = of_cameras.filter(added_at__lte=now - term).order_by("pk")
    while batch := list(old[:AT_ONCE]):
        with transaction.atomic():
            for picture in batch:
                picture.delete()
        yield len(batch)
        log.info("Removed %d pictures of %s for training at the end of their term.", len(batch), site)

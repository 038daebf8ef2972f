"""All writes of experiments: they are planned and published in one step before they start, and may be stopped."""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from plays.experiments import plan
from plays.models import Arm, Block, Content, Experiment

if TYPE_CHECKING:
    from devices.models import User

MOST_ARMS = 6
MOST_BLOCKS = 20_000

AHEAD = dt.timedelta(days=366)
"""How far ahead an experiment may be planned."""


def frame_of(experiment: Experiment, arms: int) -> plan.Frame:
    """Return what the experiment's plan is drawn for."""
    return plan.Frame(
        arms,
        experiment.first_day,
        experiment.days,
        experiment.from_hour,
        experiment.to_hour,
        experiment.block_minutes,
        experiment.site.zone,
    )


@transaction.atomic
def publish(
    *, experiment: Experiment, contents: Sequence[Content], by: "User | None", now: dt.datetime, seed: str = ""
) -> Experiment:
    """Draw the plan of a new experiment, and publish it: nothing of it can be changed afterwards.

    Raises `ValidationError` with a sentence for each wrong field. The first content is what the others are compared
    with. The plan is drawn from `seed`, by default from a random one.
    """
    experiment.seed, experiment.created_by = seed or secrets.token_hex(16), by
    experiment.full_clean(exclude=["plan_hash"])
    frame = _checked(experiment, contents, now)
    blocks = plan.draw(frame, experiment.seed)
    experiment.plan_hash = plan.fingerprint(plan.published(blocks, [content.key for content in contents]))
    experiment.save()
    Arm.objects.bulk_create(
        Arm(experiment=experiment, content=content, number=number) for number, content in enumerate(contents)
    )
    Block.objects.bulk_create(
        (
            Block(
                experiment=experiment,
                number=block.number,
                square=block.square,
                arm=block.arm,
                starts_at=block.starts_at,
                ends_at=block.ends_at,
            )
            for block in blocks
        ),
        batch_size=2_000,
    )
    return experiment


def _checked(experiment: Experiment, contents: Sequence[Content], now: dt.datetime) -> plan.Frame:
    arms, errors = len(contents), dict[str, str]()
    if not 2 <= arms <= MOST_ARMS or len({content.pk for content in contents}) < arms:
        raise ValidationError({"contents": f"An experiment compares 2 to {MOST_ARMS} different contents."})
    if any(content.site_id != experiment.site_id for content in contents):
        errors["contents"] = f"All contents must be contents of {experiment.site}."
    if experiment.screen.site_id != experiment.site_id:
        errors["screen"] = f"The screen must be at {experiment.site}."
    if experiment.block_minutes not in plan.BLOCK_MINUTES:
        lengths = ", ".join(map(str, plan.BLOCK_MINUTES))
        errors["block_minutes"] = f"A block lasts {lengths} minutes."
    if experiment.from_hour >= experiment.to_hour:
        errors["to_hour"] = "The day must end after it begins."
    if experiment.days % arms:
        errors["days"] = f"The days must be a multiple of {arms}, so that each content has each hour equally often."
    if errors:
        raise ValidationError(errors)
    frame = frame_of(experiment, arms)
    if not frame.squares_per_round:
        raise ValidationError({"block_minutes": f"The hours of a day have no room for {arms} blocks."})
    if frame.slots * frame.days > MOST_BLOCKS:
        raise ValidationError({"days": f"A plan has at most {MOST_BLOCKS:,} blocks."})
    if not now < frame.starts() < now + AHEAD:
        raise ValidationError({"first_day": "The first block must lie ahead, within a year: the plan comes first."})
    others = Experiment.objects.filter(screen=experiment.screen, stopped_at=None)
    for other in others.filter(blocks__starts_at__lt=frame.ends(), blocks__ends_at__gt=frame.starts()).distinct()[:1]:
        raise ValidationError({"first_day": f"The screen shows the experiment “{other}” in this time."})
    return frame


@transaction.atomic
def stop(*, experiment: Experiment, now: dt.datetime) -> Experiment:
    """Stop the experiment; what was shown until now stays. Raises `ValidationError` where it is over."""
    if experiment.stopped_at is not None or not experiment.blocks.filter(ends_at__gt=now).exists():
        raise ValidationError(f"“{experiment}” is over already.")
    experiment.stopped_at = now
    experiment.save(update_fields=["stopped_at"])
    return experiment

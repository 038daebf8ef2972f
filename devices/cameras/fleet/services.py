"""Writes for many cameras at once."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from devices.audit.recording import record
from devices.models import Action, Device, Thing
from edge_agent.messages import DesiredSettings, Settings

AT_ONCE = 500
"""Things that one statement writes."""


def parse_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in a form, by name; a field that is empty or missing says nothing.

    Values may be texts, as in a form. Raises `ValidationError`, whose keys are the names of the settings.
    """
    settings: dict[str, Any] = {}
    problems = {}
    for name in Settings.__struct_fields__:
        value = given.get(name)
        if value in (None, "", []):
            continue
        try:
            converted = msgspec.convert({name: value}, DesiredSettings, strict=False)
        except msgspec.ValidationError as error:
            problems[name] = f"{str(error).partition(' - at')[0]}."
        else:
            settings[name] = msgspec.to_builtins(getattr(converted, name))
    if problems:
        raise ValidationError(problems)
    return settings


@transaction.atomic
def configure_devices(*, devices: QuerySet[Device], settings: Mapping[str, Any], now: dt.datetime) -> int:
    """Have the things of these devices use these settings; their other settings stay. Return the number of things.

    The settings are sent within a minute, and again until the devices report them. Raises `ValidationError`.
    """
    if not settings:
        raise ValidationError("Change at least one setting.")
    names = devices.order_by().values("thing_id")
    things = list(Thing.objects.select_for_update().filter(name__in=names).order_by("pk"))
    if not things:
        raise ValidationError("Select at least one camera.")
    sites = dict(devices.order_by().values_list("thing__name", "site_id"))
    for thing in things:
        wanted = {**thing.desired_config, **settings}
        record(
            action=Action.CHANGED,
            subject="camera",
            number=thing.pk,
            label=thing.name,
            site=sites.get(thing.name),
            changes={"desired_config": [thing.desired_config, wanted]},
        )
        thing.desired_config = wanted
        thing.config_unsent_since = now
    Thing.objects.bulk_update(things, ["desired_config", "config_unsent_since"], batch_size=AT_ONCE)
    return len(things)

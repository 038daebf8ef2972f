"""The scheduled tasks of this app, and the function with which every app schedules its own."""

import ast
from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils import timezone

from devices import health
from devices.audit import term
from devices.cameras.adding import adopting
from devices.cameras.adding import services as setups
from devices.cameras.credentials import issuing
from devices.intake import log_retention
from devices.mqtt import settings, shared_names


def send_missing_settings() -> int:
    """Send settings that devices have not got yet. Return the number of devices."""
    return settings.send_missing_configs()


def warn_of_shared_names() -> int:
    """Tell agents that share a thing name with another one. Return the number of names."""
    return shared_names.warn_of_shared_names(now=timezone.now())


def replay_thing(thing_name: str) -> int:
    """Take in messages that waited for this thing to be registered. Return how many."""
    return adopting.replay_thing(thing_name)


def end_setups_and_credentials() -> int:
    """Delete what old set-ups have left, and revoke the credentials of things at no place. Return how many."""
    return setups.end_old_setups(now=timezone.now()) + issuing.end_unused()


def forget_old_logs() -> int:
    """Delete lines of the devices' logs that are past their term; return how many."""
    return sum(log_retention.forget_old_logs(now=timezone.now()))


def forget_old_audit() -> int:
    """Delete entries of the audit that are past their term; return how many."""
    return term.forget_old_entries(now=timezone.now())


def forget_gone_processes() -> int:
    """Delete the heartbeats of processes that were taken out of use; return how many."""
    return health.forget_the_gone(timezone.now())


def schedule(app: AppConfig, tasks: Mapping[str, str]) -> None:
    """Have the task workers run these tasks regularly, from the next `migrate` on.

    `tasks` maps the dotted path of each function to one of django-q2's schedule types, such as "I" for every minute.
    """

    def store(using: str, **_: Any) -> None:
        # The table is missing while only some apps have been migrated.
        if "django_q_schedule" in connections[using].introspection.table_names():
            _store(tasks)

    post_migrate.connect(store, sender=app, weak=False)


def check_arguments_of_schedules() -> None:
    """Have the admin refuse a schedule whose arguments cannot be read. With it, django-q2 would start no schedule."""
    from django_q.models import Schedule

    field = Schedule._meta.get_field("args")
    if validate_arguments not in field.validators:
        # A new list, as a model's field shares its validators with its class.
        field.validators = [*field.validators, validate_arguments]


def validate_arguments(text: str) -> None:
    """Raise `ValidationError` unless the text is a Python literal."""
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValidationError("Write the arguments as Python literals with commas between, such as 'one', 2.") from None


def _store(tasks: Mapping[str, str]) -> None:
    from django_q.models import Schedule

    for function, schedule_type in tasks.items():
        Schedule.objects.update_or_create(
            name=function, defaults={"func": function, "schedule_type": schedule_type, "minutes": 1, "repeats": -1}
        )

"""What the task workers do by the clock."""

from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def keep(app: AppConfig, wanted: Mapping[str, str]) -> None:
    """After each `migrate`, have the workers run these functions: dotted path to one of django-q2's schedule types."""

    def ensure(using: str, **_: Any) -> None:
        # Not yet where only some apps have been migrated.
        if "django_q_schedule" in connections[using].introspection.table_names():
            _ensure(wanted)

    post_migrate.connect(ensure, sender=app, weak=False)


def _ensure(wanted: Mapping[str, str]) -> None:
    from django_q.models import Schedule

    for function, every in wanted.items():
        Schedule.objects.update_or_create(
            name=function, defaults={"func": function, "schedule_type": every, "minutes": 1, "repeats": -1}
        )

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_delete, post_migrate


class FacesConfig(AppConfig):
    name = "faces"
    verbose_name = "People and pictures"

    def ready(self) -> None:
        from devices.intake import register_sink
        from faces import pictures, sink
        from faces.models import Capture

        register_sink(sink.take_in)
        post_delete.connect(pictures.remove_after_commit, sender=Capture)
        post_migrate.connect(ensure_schedules, sender=self)


def ensure_schedules(using: str, **_: Any) -> None:
    """After each `migrate`; not yet where only some apps have been migrated."""
    from faces import tasks

    if "django_q_schedule" in connections[using].introspection.table_names():
        tasks.ensure_schedules()

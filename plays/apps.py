from django.apps import AppConfig


class PlaysConfig(AppConfig):
    """Registers the sink, the kind of fact, the pages, the audit and the scheduled tasks."""

    name = "plays"
    verbose_name = "Plays"

    def ready(self) -> None:
        from devices import tasks
        from devices.fact_kinds import register_facts
        from devices.intake.batches import register_sink
        from plays.intake import sink
        from plays.models import Play

        register_sink(sink.note)
        register_facts(Play, "started_at")
        tasks.schedule(
            self,
            {
                "plays.tasks.compute_recent": "I",
                "plays.tasks.compute_late": "H",
                "plays.tasks.forget_old_plays": "D",
            },
        )

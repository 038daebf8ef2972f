from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = "Engagement"

    def ready(self) -> None:
        from analytics import sink
        from analytics.galaxy.services import forget_snapshots
        from devices import schedules
        from devices.intake import register_sink
        from faces.signals import person_erased

        register_sink(sink.count)
        register_sink(sink.note_software)
        person_erased.connect(forget_snapshots)
        # Every night, and every minute.
        schedules.keep(self, {"analytics.tasks.forget_old_frames": "D", "analytics.tasks.tell_home_assistant": "I"})

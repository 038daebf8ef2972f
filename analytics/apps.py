from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = "Engagement"

    def ready(self) -> None:
        from analytics import sink
        from devices import schedules
        from devices.intake import register_sink

        register_sink(sink.count)
        register_sink(sink.note_software)
        schedules.keep(self, {"analytics.tasks.forget_old_frames": "D"})

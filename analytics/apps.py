from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Registers the intake's sinks, the cards of pages, the receivers of signals and the scheduled tasks."""

    name = "analytics"
    verbose_name = "Engagement"

    def ready(self) -> None:
        from analytics.counting import face_parts, sink
        from analytics.galaxy.serving.responses import clear_shared
        from analytics.groundtruth.cards import accuracy_card
        from analytics.pages import cards
        from analytics.visitors.cards import visitors_card
        from devices import tasks
        from devices.intake.batches import register_sink
        from faces.erasure.signals import person_erased

        register_sink(face_parts.count)
        register_sink(sink.count_visits)
        register_sink(sink.count)
        register_sink(sink.note_software)
        cards.register("below-readings", accuracy_card)
        cards.register("below-plots", visitors_card)
        person_erased.connect(clear_shared)
        # Frames daily, Home Assistant every minute.
        tasks.schedule(self, {"analytics.tasks.forget_old_frames": "D", "analytics.tasks.tell_home_assistant": "I"})

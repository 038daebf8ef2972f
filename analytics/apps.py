from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Registers the intake's sinks, the cards of pages, the receivers of signals and the scheduled tasks."""

    name = "analytics"
    verbose_name = "Engagement"

    def ready(self) -> None:
        from analytics.audience.cards import visits_card
        from analytics.counting import face_parts, sink
        from analytics.galaxy.serving.responses import clear_shared
        from analytics.groundtruth.cards import accuracy_card
        from analytics.models import EngagementQuarter, Frame, ReportedGesture, SignOfLifeQuarter, Visit, VisitQuarter
        from analytics.pages import cards
        from analytics.visitors.cards import visitors_card
        from devices import tasks
        from devices.fact_kinds import register_facts
        from devices.intake.batches import register_sink
        from devices.intake.decoding import ReceivedFrame, ReceivedGesture, ReceivedVisit
        from faces.erasure.signals import person_erased

        register_facts(Frame, "taken_at", part=ReceivedFrame, key=["taken_at", "key"])
        register_facts(Visit, "began_at", part=ReceivedVisit, key=["began_at", "key"])
        register_facts(ReportedGesture, "began_at", part=ReceivedGesture, key=["began_at", "label"])
        register_facts(EngagementQuarter, "start")
        register_facts(VisitQuarter, "start")
        register_facts(SignOfLifeQuarter, "start")
        register_sink(face_parts.count)
        register_sink(sink.count_visits)
        register_sink(sink.count)
        register_sink(sink.note_software)
        cards.register("below-readings", visits_card)
        cards.register("below-readings", accuracy_card)
        cards.register("below-plots", visitors_card)
        person_erased.connect(clear_shared)
        # Frames daily, Home Assistant every minute.
        tasks.schedule(self, {"analytics.tasks.forget_old_frames": "D", "analytics.tasks.tell_home_assistant": "I"})

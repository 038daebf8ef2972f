from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils import timezone


class AnalyticsConfig(AppConfig):
    """Registers the intake's sinks, the cards of pages, the receivers of signals and the scheduled tasks."""

    name = "analytics"
    verbose_name = "Engagement"

    def ready(self) -> None:
        from analytics.counting import face_parts, sink
        from analytics.features.archiving.cards import archive_card
        from analytics.features.audience.cards import visits_card
        from analytics.features.galaxy.serving.auditing import audit_wall_tokens
        from analytics.features.galaxy.serving.responses import clear_shared
        from analytics.features.groundtruth.cards import accuracy_card
        from analytics.features.groundtruth.fleet import TITLE, calibration_column
        from analytics.features.groundtruth.reads import read_setup_calibrations
        from analytics.features.visitors.cards import visitors_card
        from analytics.kept import register_analytics
        from analytics.models import (
            EngagementQuarter,
            Frame,
            ReportedGesture,
            SharedPage,
            SignOfLifeQuarter,
            Visit,
            VisitQuarter,
        )
        from analytics.models.opening import DAYS, OpeningException, OpeningPlan
        from analytics.pages import cards
        from analytics.verdicts import usual_cameras
        from analytics.verdicts.calibrations import register_calibrations
        from devices import tasks
        from devices.audit.recording import Audited, audit
        from devices.cameras.fleet.reads import register_column
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.intake.fact_kinds import register_facts
        from devices.managing.tabs import Tab, register_tab
        from devices.reading.decoding import ReceivedFrame, ReceivedGesture, ReceivedVisit
        from faces.erasure.signals import person_erased

        site_of: Callable[[Any], int] = attrgetter("site_id")
        plan = ["since", *DAYS, "country", "region", "holiday"]
        audit(OpeningPlan, Audited("opening hours", plan, site=site_of, label=lambda plan: f"from {plan.since}"))
        day = ["date", "hours"]
        audit(OpeningException, Audited("opening exception", day, site=site_of, label=lambda day: f"on {day.date}"))
        register_analytics()
        audit_wall_tokens()
        audit(SharedPage, Audited("shared page", ["expires_at"], site=lambda page: page.site_id, label=str))
        register_tab(Tab("Shared pages", "shared-pages", rank=75))
        register_tab(Tab("Opening hours", "site-opening", rank=20))
        register_tab(Tab("Walls and tokens", "site-walls", rank=70))
        register_facts(Frame, "taken_at", part=ReceivedFrame, key=["taken_at", "key"])
        register_facts(Visit, "began_at", part=ReceivedVisit, key=["began_at", "key"])
        register_facts(ReportedGesture, "began_at", part=ReceivedGesture, key=["began_at", "label", "visit"])
        register_facts(EngagementQuarter, "start")
        register_facts(VisitQuarter, "start")
        register_facts(SignOfLifeQuarter, "start")
        register_sink(face_parts.count)
        register_sink(sink.count_visits)
        register_sink(sink.count)
        register_sink(sink.note_software)
        register_sink(sink.note_setup)
        cards.register("below-readings", visits_card)
        cards.register("below-readings", accuracy_card)
        cards.register("below-plots", visitors_card)
        cards.register("below-plots", archive_card)
        register_check(usual_cameras.flow)
        register_column(TITLE, calibration_column)
        register_calibrations(read_setup_calibrations)
        person_erased.connect(clear_shared)
        # Frames and partitions daily, Home Assistant every minute.
        daily = [f"analytics.tasks.{name}" for name in ("forget_old_frames", "make_partitions", "archive_old_facts")]
        tasks.schedule(self, {**dict.fromkeys(daily, "D"), "analytics.tasks.tell_home_assistant": "I"})
        post_migrate.connect(_make_partitions, sender=self)


def _make_partitions(**_: Any) -> None:
    """Make the first tables, so that the first batch of a new installation finds them."""
    from devices.storage import partitions

    partitions.make_ahead(timezone.now())

from django.apps import AppConfig


class PlaysConfig(AppConfig):
    """Registers the sink, the kind of fact, the line of health, the pages, the letter's line, audit and tasks."""

    name = "plays"
    verbose_name = "Plays"

    def ready(self) -> None:
        from analytics.features.galaxy.serving.shown import register_shown
        from analytics.numbers.letter_lines import register_line
        from devices import tasks
        from devices.audit.recording import Audited, audit
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.intake.fact_kinds import register_facts
        from devices.managing.tabs import Tab, register_tab
        from plays.intake import health, sink
        from plays.kept import register_plays
        from plays.models import Experiment, Play, Screen
        from plays.numbers.letters import weekly_line
        from plays.walls import tell_shown

        register_plays()
        register_sink(sink.note)
        register_check(health.lines)
        register_shown(tell_shown)
        register_line("Contents of the displays", weekly_line)
        register_facts(Play, "started_at")
        register_tab(Tab("Screens", "site-screens", rank=45))
        screen = ["name", "cameras", "external_id"]
        audit(Screen, Audited("screen", screen, site=lambda screen: screen.site_id))
        experiment = ["name", "stop_rule", "plan_hash", "stopped_at"]
        audit(Experiment, Audited("experiment", experiment, site=lambda experiment: experiment.site_id))
        tasks.schedule(
            self,
            {
                "plays.tasks.compute_recent": "I",
                "plays.tasks.compute_late": "I",
                "plays.tasks.forget_old_plays": "D",
            },
        )

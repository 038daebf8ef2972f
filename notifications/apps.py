from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Registers the sink, the tab of a site's settings, the receivers of signals and the scheduled tasks."""

    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from devices import tasks
        from devices.audit.recording import Audited, audit
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.managing.tabs import Tab, register_tab
        from faces.coffees.signals import coffees_counted
        from faces.erasure.signals import person_erased
        from notifications.happenings import coffees, sink
        from notifications.kept import register_notifications
        from notifications.models import Channel, Rule
        from notifications.rules.services import forget_names
        from notifications.sending import health

        register_notifications()
        register_sink(sink.note)
        register_check(health.lines)
        register_tab(Tab("Notices", "site-notices", rank=75))
        register_tab(Tab("Letters", "site-letters", rank=76))
        coffees_counted.connect(coffees.note)
        person_erased.connect(forget_names)
        fields = ["name", "kind", "enabled"]
        audit(Channel, Audited("channel", fields, site=lambda channel: channel.site_id))
        audit(Rule, Audited("rule of notices", ["kind", "label", "enabled"], site=lambda rule: rule.site_id))
        tasks.schedule(
            self,
            {
                "notifications.tasks.watch": "I",
                "notifications.tasks.make_letters": "I",
                "notifications.tasks.forget_old_notices": "D",
            },
        )

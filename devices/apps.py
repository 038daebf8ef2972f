from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = "Sites and devices"

    def ready(self) -> None:
        from devices import tasks
        from devices.audit.audited import audit_models
        from devices.audit.sign_ins import listen
        from devices.intake.fact_kinds import register_facts
        from devices.kept.of_devices import register_devices
        from devices.managing.tabs import Tab, register_tab
        from devices.models import DeviceLog
        from devices.reading.decoding import LogLine
        from devices.rules.roles import Right

        register_facts(DeviceLog, "at", part=LogLine, key=["at", "key"])
        register_devices()
        audit_models()
        listen()
        register_tab(Tab("Site", "site-settings", rank=10))
        register_tab(Tab("Members", "members", rank=15))
        register_tab(Tab("Devices", "site-devices", rank=12))
        register_tab(Tab("Quarantine", "site-quarantine", rank=13))
        register_tab(Tab("History", "site-audit", rank=90, right=Right.MANAGE))
        tasks.check_arguments_of_schedules()
        every_minute, nightly = "I", "D"
        tasks.schedule(
            self,
            {
                "devices.tasks.send_missing_settings": every_minute,
                "devices.tasks.warn_of_shared_names": every_minute,
                "devices.tasks.end_setups_and_credentials": every_minute,
                "devices.tasks.forget_old_logs": nightly,
                "devices.tasks.forget_old_audit": nightly,
                "devices.tasks.forget_gone_processes": nightly,
            },
        )

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = "Sites and devices"

    def ready(self) -> None:
        from devices import tasks

        every_minute, nightly = "I", "D"
        tasks.schedule(
            self,
            {
                "devices.tasks.send_missing_settings": every_minute,
                "devices.tasks.warn_of_shared_names": every_minute,
                "devices.tasks.forget_old_logs": nightly,
            },
        )

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = "Sites and devices"

    def ready(self) -> None:
        from devices import schedules

        # Every minute.
        schedules.keep(self, {"devices.tasks.send_missing_settings": "I"})

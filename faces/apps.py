from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class FacesConfig(AppConfig):
    name = "faces"
    verbose_name = "People and pictures"

    def ready(self) -> None:
        from devices import schedules
        from devices.health import register_check
        from devices.intake import register_sink
        from faces import health, pictures, sink
        from faces.models import Capture, Face
        from faces.services import galleries

        register_sink(sink.take_in)
        register_check(health.lines)
        post_delete.connect(pictures.remove_after_commit, sender=Capture)
        post_save.connect(galleries.note_arrival, sender=Face)
        post_delete.connect(galleries.note_departure, sender=Face)
        # Every minute, and every hour.
        hourly = ("remove_left_over_pictures", "finish_erasures")
        schedules.keep(self, {"faces.tasks.sweep_captures": "I"} | {f"faces.tasks.{name}": "H" for name in hourly})

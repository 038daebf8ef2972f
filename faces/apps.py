from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate, post_save, pre_migrate


class FacesConfig(AppConfig):
    name = "faces"
    verbose_name = "People and pictures"

    def ready(self) -> None:
        from devices import schedules
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.intake.replay import register_way
        from faces.coffees import coffee_tallies
        from faces.models import Capture, Face
        from faces.pictures import sink, storage
        from faces.recognition import galleries, health
        from faces.sources import s3_pictures

        register_sink(sink.take_in)
        register_way(s3_pictures.TOPIC, s3_pictures.take_in_event)
        register_check(health.lines)
        post_delete.connect(storage.remove_after_commit, sender=Capture)
        post_save.connect(galleries.note_arrival, sender=Face)
        post_delete.connect(galleries.note_departure, sender=Face)
        pre_migrate.connect(coffee_tallies.remove, sender=self)
        post_migrate.connect(coffee_tallies.install, sender=self)
        hourly = ("remove_left_over_pictures", "remove_old_pictures", "finish_erasures", "forget_unclaimed_faces")
        nightly = ("forget_faces_without_consent", "erase_unseen")
        wanted = {"sweep_captures": "I", "tell_late": "I"} | dict.fromkeys(hourly, "H") | dict.fromkeys(nightly, "D")
        schedules.keep(self, {f"faces.tasks.{name}": every for name, every in wanted.items()})

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save


class FacesConfig(AppConfig):
    name = "faces"
    verbose_name = "People and pictures"

    def ready(self) -> None:
        from django.core import checks

        from devices import tasks
        from devices.fact_kinds import register_facts
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.intake.decoding import TakenPicture
        from devices.intake.replay import register_way
        from devices.models import Device, Site
        from faces.coffees import coffee_tallies
        from faces.models import Capture, Coffee, Face, Person
        from faces.pictures import sink, storage
        from faces.recognisers.recogniser import check_setting
        from faces.recognition import gallery_changes, health
        from faces.sources import s3_pictures

        register_facts(Capture, "taken_at", part=TakenPicture, key=["key"])
        register_facts(Coffee, "taken_at")
        register_sink(sink.take_in)
        register_way(s3_pictures.TOPIC, s3_pictures.take_in_event)
        register_check(health.lines)
        checks.register(check_setting)
        post_delete.connect(storage.remove_after_commit, sender=Capture)
        post_save.connect(gallery_changes.record_added_face, sender=Face)
        post_delete.connect(gallery_changes.record_removed_face, sender=Face)
        post_save.connect(coffee_tallies.count_created, sender=Coffee)
        pre_delete.connect(coffee_tallies.discount_deleted, sender=Coffee)
        pre_delete.connect(coffee_tallies.anonymise_coffees, sender=Person)
        for sender in (Device, Site):
            pre_save.connect(coffee_tallies.note_zone_change, sender=sender)
            post_save.connect(coffee_tallies.rebuild_after_zone_change, sender=sender)
        hourly = (
            *("remove_left_over_pictures", "remove_old_pictures", "remove_quarantined_pictures"),
            *("finish_erasures", "forget_unclaimed_faces"),
        )
        nightly = ("forget_faces_without_consent", "erase_unseen")
        every_minute = ("sweep_captures", "sweep_linked_pictures", "tell_late")
        intervals = dict.fromkeys(every_minute, "I") | dict.fromkeys(hourly, "H") | dict.fromkeys(nightly, "D")
        tasks.schedule(self, {f"faces.tasks.{name}": interval for name, interval in intervals.items()})

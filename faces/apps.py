from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save


class FacesConfig(AppConfig):
    """Registers the intake's sink, facts, health, audit, the tabs of a site, receivers of signals and tasks."""

    name = "faces"
    verbose_name = "People and pictures"

    def ready(self) -> None:
        from django.core import checks

        from devices import tasks
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.intake.fact_kinds import register_facts
        from devices.intake.replay import register_way
        from devices.managing.tabs import Tab, register_tab
        from devices.models import Site
        from devices.reading.decoding import TakenPicture
        from faces.coffees import coffee_tallies
        from faces.erasure.kept import register_faces
        from faces.models import Capture, Coffee, Face, Person
        from faces.people.audited import audit_models
        from faces.pictures import sink, storage
        from faces.recognisers.recogniser import check_setting
        from faces.recognition import gallery_changes, health
        from faces.sources import s3_pictures

        register_faces()
        register_facts(Capture, "taken_at", part=TakenPicture, key=["key"])
        register_facts(Coffee, "taken_at")
        register_sink(sink.take_in)
        register_way(s3_pictures.TOPIC, s3_pictures.take_in_event)
        register_check(health.lines)
        checks.register(check_setting)
        audit_models()
        post_delete.connect(storage.remove_after_commit, sender=Capture)
        post_save.connect(gallery_changes.record_added_face, sender=Face)
        post_delete.connect(gallery_changes.record_removed_face, sender=Face)
        post_save.connect(coffee_tallies.count_created, sender=Coffee)
        pre_delete.connect(coffee_tallies.discount_deleted, sender=Coffee)
        pre_delete.connect(coffee_tallies.anonymise_coffees, sender=Person)
        pre_save.connect(coffee_tallies.note_zone_change, sender=Site)
        post_save.connect(coffee_tallies.rebuild_after_zone_change, sender=Site)
        register_tab(Tab("People", "site-people", rank=26))
        register_tab(Tab("Captures", "site-captures", rank=27))
        register_tab(Tab("Coffees", "site-coffees", rank=28))
        register_tab(Tab("Faces and pictures", "site-policy", rank=30))
        tasks.schedule(
            self,
            {
                "faces.tasks.sweep_captures": "I",
                "faces.tasks.sweep_linked_pictures": "I",
                "faces.tasks.tell_late": "I",
                "faces.tasks.remove_left_over_pictures": "H",
                "faces.tasks.remove_old_pictures": "H",
                "faces.tasks.remove_quarantined_pictures": "H",
                "faces.tasks.finish_erasures": "H",
                "faces.tasks.forget_unclaimed_faces": "H",
                "faces.tasks.remove_old_drafts": "H",
                "faces.tasks.settle_expressions": "H",
                "faces.tasks.refresh_notices": "H",
                "faces.tasks.forget_faces_without_consent": "D",
                "faces.tasks.announce_renewals": "D",
                "faces.tasks.erase_unseen": "D",
            },
        )

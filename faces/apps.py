from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save


class FacesConfig(AppConfig):
    name = "faces"
    verbose_name = "People and pictures"

    def ready(self) -> None:
        from django.core import checks

        from devices import tasks
        from devices.audit.recording import Audited, audit, who_acts
        from devices.health import register_check
        from devices.intake.batches import register_sink
        from devices.intake.fact_kinds import register_facts
        from devices.intake.replay import register_way
        from devices.managing.tabs import Tab, register_tab
        from devices.models import Site
        from devices.reading.decoding import TakenPicture
        from faces.coffees import coffee_tallies
        from faces.erasure.kept import register_faces
        from faces.models import (
            Capture,
            Coffee,
            Consent,
            ConsentTemplate,
            DeskLink,
            Erasure,
            Face,
            FeelingsConfirmation,
            Merge,
            Method,
            Person,
            SitePolicy,
        )
        from faces.people.policies import TERMS
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
        post_delete.connect(storage.remove_after_commit, sender=Capture)
        post_save.connect(gallery_changes.record_added_face, sender=Face)
        post_delete.connect(gallery_changes.record_removed_face, sender=Face)
        post_save.connect(coffee_tallies.count_created, sender=Coffee)
        pre_delete.connect(coffee_tallies.discount_deleted, sender=Coffee)
        pre_delete.connect(coffee_tallies.anonymise_coffees, sender=Person)
        pre_save.connect(coffee_tallies.note_zone_change, sender=Site)
        post_save.connect(coffee_tallies.rebuild_after_zone_change, sender=Site)
        policy = ["mode", "confirmed_by_id", "confirmed_at", *TERMS]
        audit(SitePolicy, Audited("policy", policy, site=lambda policy: policy.site_id))
        audit(
            Person,
            Audited(
                "person",
                [],
                hidden=["name", "line", "external_id", "profile", "email"],
                site=lambda person: person.site_id,
                unless=lambda person: person.guest_number is not None and who_acts()[0] is None,
            ),
        )
        consent = ["person_id", "text_version", "method", "signed_at", "expires_at", "withdrawn_at"]
        audit(
            Consent,
            Audited(
                "consent",
                consent,
                site=lambda consent: consent.person.site_id,
                unless=lambda consent: consent.method == Method.OWNER and who_acts()[0] is None,
            ),
        )
        text = ["name", "number", "purpose", "method", "term_days", "retired_at"]
        audit(ConsentTemplate, Audited("consent text", text, site=lambda text: text.site_id, label=str))
        link = ["person_id", "template_id", "expires_at"]
        audit(DeskLink, Audited("link", link, site=lambda link: link.site_id))
        confirmation = ["jurisdiction", "confirmed_by_id", "confirmed_at"]
        audit(FeelingsConfirmation, Audited("expressions", confirmation, site=lambda confirmed: confirmed.site_id))
        audit(Merge, Audited("merge", ["person_id", "undone_at"], site=lambda merge: merge.site_id))
        audit(Erasure, Audited("erasure", [], site=lambda erasure: erasure.site_id))
        register_tab(Tab("People", "site-people", rank=26))
        register_tab(Tab("Captures", "site-captures", rank=27))
        register_tab(Tab("Coffees", "site-coffees", rank=28))
        register_tab(Tab("Faces and pictures", "site-policy", rank=30))
        hourly = (
            *("remove_left_over_pictures", "remove_old_pictures", "remove_quarantined_pictures"),
            *(
                "finish_erasures",
                "forget_unclaimed_faces",
                "remove_old_drafts",
                "settle_expressions",
                "refresh_notices",
            ),
        )
        nightly = ("forget_faces_without_consent", "announce_renewals", "erase_unseen")
        every_minute = ("sweep_captures", "sweep_linked_pictures", "tell_late")
        intervals = dict.fromkeys(every_minute, "I") | dict.fromkeys(hourly, "H") | dict.fromkeys(nightly, "D")
        tasks.schedule(self, {f"faces.tasks.{name}": interval for name, interval in intervals.items()})

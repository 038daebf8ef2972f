from django.apps import AppConfig
from django.db.models.signals import post_delete


class LearningConfig(AppConfig):
    """Registers the receivers of signals and the scheduled tasks."""

    name = "learning"
    verbose_name = "Learning"

    def ready(self) -> None:
        from devices import tasks
        from devices.intake.batches import register_sink
        from faces.erasure.signals import person_erased
        from faces.notices.statements import register_statements
        from learning.datasets import pictures, sink
        from learning.datasets.notice import training_statements
        from learning.kept import register_learning
        from learning.models import Picture
        from learning.rollout.audited import audit_models

        post_delete.connect(pictures.remove_file_after_commit, sender=Picture)
        person_erased.connect(pictures.remove_pictures_of_erased)
        register_learning()
        register_sink(sink.take_training_pictures)
        register_statements(training_statements)
        audit_models()
        tasks.schedule(
            self,
            {
                "learning.tasks.sweep_runs": "I",
                "learning.tasks.clean_up_sagemaker": "I",
                "learning.tasks.remove_forgotten_endpoints": "H",
                "learning.tasks.remove_old_training_pictures": "H",
            },
        )

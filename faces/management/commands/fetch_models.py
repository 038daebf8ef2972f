"""`manage.py fetch_models`: copies or downloads the local models into DATA_DIR."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from edge_agent.vision.files import ModelsUnavailable, fetch_models


class Command(BaseCommand):
    help = "Fetches the local models into DATA_DIR/models, from the folder MODELS_DIR if it is set."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DATA_DIR / "models"
        try:
            fetch_models(folder, source=settings.MODELS_DIR)
        except ModelsUnavailable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"All model files are in {folder}.")

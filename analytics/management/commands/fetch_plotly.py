"""`manage.py fetch_plotly`: download the plotting library from npm into the data folder."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.plots import library
from edge_agent.vision.files import ModelsUnavailable


class Command(BaseCommand):
    help = "Downloads the plotting library of the pages and checks its SHA-256; does nothing if the file exists."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = library.fetch()
        except ModelsUnavailable as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"The plotting library is in {path}.")

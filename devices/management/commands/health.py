"""`manage.py health`: report whether each part of the platform works."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from devices import health


class Command(BaseCommand):
    help = "Prints one line for each part of the platform. The exit code is 1 if a part does not work."

    def handle(self, *args: Any, **options: Any) -> None:
        lines = health.report(timezone.now())
        for line in lines:
            self.stdout.write(str(line))
        if not all(line.well for line in lines):
            sys.exit(1)

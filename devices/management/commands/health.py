"""`manage.py health`: is the platform at work?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from devices import health


class Command(BaseCommand):
    help = "Prints one line for each part of the platform; exit code 1 where one is not at work."

    def handle(self, *args: Any, **options: Any) -> None:
        lines = health.report(timezone.now())
        for line in lines:
            self.stdout.write(str(line))
        if not all(line.well for line in lines):
            sys.exit(1)

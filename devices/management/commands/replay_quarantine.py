"""`manage.py replay_quarantine`: take in quarantined messages, after the cause was removed."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from devices.faults.isolation import each
from devices.intake.replay import replay_stored
from devices.models import QuarantinedMessage, Reason


class Command(BaseCommand):
    help = "Takes in quarantined messages, once the cause is removed. One that is rejected again gets the new reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", choices=Reason.values, help="Only messages with this reason.")
        parser.add_argument("--device", help="Only messages of the device with this name.")

    def handle(self, *args: Any, reason: str | None, device: str | None, **options: Any) -> None:
        messages = QuarantinedMessage.objects.filter(replayed_at=None).order_by("received_at", "pk")
        if reason:
            messages = messages.filter(reason=reason)
        if device:
            messages = messages.filter(device__name=device)
        pks = list(messages.values_list("pk", flat=True))
        bar = tqdm(pks, unit=" messages", disable=None)
        taken_in = sum(each(bar, partial(replay_stored, now=timezone.now()), what="the replay of quarantined message"))
        self.stdout.write(f"{taken_in} messages taken in, {messages.count()} still in quarantine.")

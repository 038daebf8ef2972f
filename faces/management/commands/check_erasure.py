"""`manage.py check_erasure`: checks that nothing is left of erased people."""

from argparse import ArgumentParser
from functools import partial
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from faces.erasure.verification import find_traces
from faces.models import Erasure
from faces.recognisers.recogniser import RecogniserUnavailable


class Command(BaseCommand):
    help = (
        "Compares the receipts of erasures with every row, every stored picture and the recogniser's faces. "
        "Prints a sentence for each trace that is left; the exit code is 1 if there is any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("receipt", nargs="*", type=UUID, help="Ids of receipts in the admin; all if omitted.")

        parser.add_argument(
            "--name",
            action="append",
            default=[],
            help="A name to search all registered texts of the receipts' sites for; receipts hold no names.",
        )

    def handle(self, *args: Any, receipt: list[UUID], name: list[str], **options: Any) -> None:
        erasures = Erasure.objects.filter(pk__in=receipt) if receipt else Erasure.objects.all()
        if missing := set(receipt) - {erasure.pk for erasure in erasures}:
            raise CommandError(f"There is no receipt {', '.join(sorted(map(str, missing)))}.")
        try:
            shown = partial(tqdm, unit=" pictures", disable=None)
            traces = list(find_traces(erasures, names=name, progress=shown))
        except ValueError as error:
            raise CommandError(str(error)) from error
        except (RecogniserUnavailable, OSError, BotoCoreError, ClientError) as error:
            raise CommandError(f"The check is inconclusive, as not everything could be read: {error}") from error
        if traces:
            raise CommandError("\n".join(traces))
        self.stdout.write(f"Nothing is left of the people of {len(erasures)} receipts.")

"""`manage.py model train SITE NAME`, `model list SITE NAME` and `model put SITE NAME VERSION DEVICE…`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from devices.models import Device, Site
from learning.evaluating.reads import side_by_side
from learning.models import DataSet, Kind, Run, State
from learning.rollout.services import GROUPS, group_named, put_on
from learning.training import running


class Command(BaseCommand):
    help = "Train a model from a data set, list a data set's models, or put one on cameras."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="train|list|put")
        train = actions.add_parser("train", help="Train here and now, and print the evaluation.")
        listing = actions.add_parser("list", help="List the versions, the best marked.")
        put = actions.add_parser("put", help="Put a version on cameras of the site.")
        for each in (train, listing, put):
            each.add_argument("site", help="The site's slug.")
            each.add_argument("name", help="The data set's name.")
        train.add_argument("--kind", choices=sorted(running.PARAMETERS), default=Kind.GESTURE.value)
        train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="A hyper-parameter.")
        train.add_argument("--note", default="")
        put.add_argument("version", type=int)
        put.add_argument("devices", nargs="*", help="Names of devices of the site.")
        put.add_argument("--group", choices=sorted(GROUPS), help="A group of the site's devices instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(slug=options["site"]).first()
        data_set = DataSet.objects.filter(site=site, name=options["name"]).first() if site else None
        if site is None or data_set is None:
            raise CommandError(f"There is no data set “{options['name']}” at a site “{options['site']}”.")
        try:
            match options["action"]:
                case "train":
                    self._train(data_set, options)
                case "list":
                    self._list(data_set)
                case "put":
                    self._put(data_set, options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None

    def _train(self, data_set: DataSet, options: dict[str, Any]) -> None:
        given = dict(each.partition("=")[::2] for each in options["set"])
        run = running.start(data_set=data_set, kind=Kind(options["kind"]), by=None, given=given, note=options["note"])
        if run.kind == Kind.SAGEMAKER:
            self.stdout.write(f"Version {run.number} waits for a task worker, which follows its job at SageMaker.")
            return
        while run.state == State.QUEUED:
            run = running.work(run_id=run.pk)
        if run.state != State.DONE:
            raise CommandError(f"Version {run.number} is {run.state}: {run.reason or 'another worker has it'}")
        self._list(data_set, only=run)

    def _list(self, data_set: DataSet, only: Run | None = None) -> None:
        for row in side_by_side(list(data_set.runs.select_related("data_set").order_by("number"))):
            if only is not None and row.run.pk != only.pk:
                continue
            best = " (best)" if row.is_best else ""
            if row.table is None:
                self.stdout.write(f"version {row.run.number}: {row.run.state} {row.run.reason}".rstrip())
                continue
            table = row.table
            self.stdout.write(
                f"version {row.run.number}{best}: expected {table.expected}, true {table.true}, false {table.false},"
                f" missed {table.missed}"
            )

    def _put(self, data_set: DataSet, options: dict[str, Any]) -> None:
        run = data_set.runs.filter(number=options["version"]).first()
        if run is None:
            raise CommandError(f"The data set has no version {options['version']}.")
        if bool(options["group"]) == bool(options["devices"]):
            raise CommandError("Name devices, or a group with --group.")
        if options["group"]:
            made = put_on(run=run, devices=group_named(run, options["group"]), by=None)
            self.stdout.write(f"{len(made)} cameras fetch version {run.number} within a minute.")
            return
        devices = list(Device.objects.open().filter(site=data_set.site_id, name__in=options["devices"]))
        missing = set(options["devices"]) - {device.name for device in devices}
        if missing:
            raise CommandError(f"{data_set.site} has no camera “{min(missing)}” now.")
        made = put_on(run=run, devices=devices, by=None)
        self.stdout.write(f"{len(made)} cameras fetch version {run.number} within a minute.")

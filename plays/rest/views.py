"""The API of plays, screens, contents and experiments."""

import codecs
import datetime as dt
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, mixins, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from devices.models import Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfDeviceFilter, OfSiteFilter
from devices.rest.parameters import parse_query
from devices.rules.roles import Right, those_with
from plays.experiments import services as experiments
from plays.experiments.now import what_now
from plays.experiments.reads import read_result
from plays.intake.files import BadFile, import_file
from plays.intake.posted import StoredSerializer, store_posted
from plays.models import Content, Experiment, Play, Screen, Source
from plays.numbers.contents import Period, read_contents, read_parts
from plays.rest.serializers import (
    BlockSerializer,
    ContentNumbersSerializer,
    ContentSerializer,
    ExperimentResultSerializer,
    ExperimentSerializer,
    ImportedSerializer,
    NowSerializer,
    PartNumbersSerializer,
    PartsQuery,
    PlayFileSerializer,
    PlaySerializer,
    ScreenReportSerializer,
    ScreenSerializer,
    SiteNumbersQuery,
    result_row,
)

DEFAULT_DAYS = 28
MOST_DAYS = 3 * 366


class OperatorsChange:
    """Lets whoever may operate a site change what belongs to it; others get a 403 that says who may."""

    def check_site(self, site: Site) -> None:
        """Raise `PermissionDenied` unless the caller may change what belongs to this site."""
        if not site.allows(self.request.user, Right.OPERATE):  # type: ignore[attr-defined]  # of the view
            raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {site} may {Right.OPERATE.value}.")


class PlayFilter(OfDeviceFilter):
    class Meta:
        model = Play
        fields = {"screen": ["exact"], "content": ["exact"], "started_at": ["gte", "lt"]}


class PlayViewSet(OperatorsChange, ScopedReadOnlyViewSet):
    """Plays before each camera, newest first."""

    queryset = Play.objects.select_related("device__site")
    serializer_class = PlaySerializer
    filterset_class = PlayFilter
    cursor_ordering = ("-started_at", "-pk")

    @extend_schema(request=ScreenReportSerializer, responses={202: StoredSerializer})
    def create(self, request: Request) -> Response:
        """Report what a screen shows or has shown, at most 1,000 plays at once. May be repeated.

        A play is known again by its screen, content and start, so that it may be sent at its start and with its end.
        """
        report = ScreenReportSerializer(data=request.data, context=self.get_serializer_context())
        report.is_valid(raise_exception=True)
        values = report.validated_data
        self.check_site(values["site"])
        screen = Screen.objects.filter(site=values["site"], name=values["screen"]).select_related("site").first()
        if screen is None:
            sentence = f"{values['site']} has no screen “{values['screen']}”; screens/ lists the screens."
            raise exceptions.ValidationError({"screen": [sentence]})
        stored = store_posted(screen, values["plays"], values.get("sent_at"), Source.API)
        return Response(stored, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request={"multipart/form-data": PlayFileSerializer}, responses={202: ImportedSerializer})
    @action(detail=False, methods=["post"], url_path="import", url_name="import", parser_classes=[MultiPartParser])
    def import_plays(self, request: Request) -> Response:
        """Store the plays of a CSV file or of Xibo's proof of play. May be repeated."""
        upload = PlayFileSerializer(data=request.data, context=self.get_serializer_context())
        upload.is_valid(raise_exception=True)
        self.check_site(upload.validated_data["site"])
        text = codecs.getreader("utf-8-sig")(upload.validated_data["file"])
        try:
            imported = import_file(site=upload.validated_data["site"], file=cast("Any", text))
        except BadFile as error:
            raise exceptions.ValidationError({"file": [str(error)]}) from None
        row = {
            "stored": imported.plays,
            "left_out": imported.left_out,
            "refused": imported.refused,
            "problems": imported.problems,
        }
        return Response(row, status=status.HTTP_202_ACCEPTED)


class ScreenFilter(OfSiteFilter):
    class Meta:
        model = Screen
        fields = {"name": ["exact"]}


class ScreenViewSet(
    OperatorsChange,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    ScopedReadOnlyViewSet,
):
    """The screens of the caller's sites."""

    queryset = Screen.objects.select_related("site").order_by("pk")
    serializer_class = ScreenSerializer
    filterset_class = ScreenFilter
    http_method_names = ["get", "head", "options", "post", "patch"]

    def perform_update(self, serializer: Any) -> None:
        self.check_site(serializer.instance.site)
        serializer.save()

    @extend_schema(responses=NowSerializer)
    @action(detail=True)
    def now(self, request: Request, pk: Any = None) -> Response:
        """Ask what the screen shall show now, as an experiment has planned it."""
        screen = self.get_object()
        return Response(what_now([screen], now=timezone.now())[screen.pk].as_json())


class ContentFilter(OfSiteFilter):
    class Meta:
        model = Content
        fields = {"key": ["exact"]}


class ContentViewSet(OperatorsChange, mixins.UpdateModelMixin, ScopedReadOnlyViewSet):
    """The contents that screens of the caller's sites have shown."""

    queryset = Content.objects.select_related("site").order_by("pk")
    serializer_class = ContentSerializer
    filterset_class = ContentFilter
    http_method_names = ["get", "head", "options", "patch"]

    def perform_update(self, serializer: Any) -> None:
        self.check_site(serializer.instance.site)
        serializer.save()

    @extend_schema(parameters=[PartsQuery], responses=PartNumbersSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def parts(self, request: Request, pk: Any = None) -> Response:
        """Return the numbers of a content by day, local hour of the day, screen, or place in the sequence."""
        query = parse_query(PartsQuery, request)
        found = getattr(read_parts(self.get_object(), parse_period(query)), f"by_{query['by']}")
        return Response([{"part": str(part), **numbers.as_json()} for part, numbers in sorted(found.items())])

    @extend_schema(parameters=[SiteNumbersQuery], responses=ContentNumbersSerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def counts(self, request: Request) -> Response:
        """Return what people did while each content was shown, in a period: by default the last 28 days."""
        query = parse_query(SiteNumbersQuery, request)
        sites = list(Site.objects.for_user(request.user))
        if "site" in query:
            sites = [site for site in sites if site.slug == query["site"]]
            if not sites:
                raise exceptions.NotFound(f"You have no site “{query['site']}”; sites/ lists your sites.")
        found = read_contents(sites, parse_period(query))
        contents = Content.objects.select_related("site").in_bulk(found)
        return Response(
            [
                {
                    "content": key,
                    "name": contents[key].name,
                    "site": contents[key].site.slug,
                    **numbers.as_json(),
                }
                for key, numbers in sorted(found.items())
                if key in contents
            ]
        )


def parse_period(query: dict[str, Any]) -> Period:
    """Return the period of a request. Raises `ValidationError`."""
    end = query.get("to") or timezone.now()
    try:
        start = query.get("from") or end - dt.timedelta(days=DEFAULT_DAYS)
    except OverflowError:
        raise exceptions.ValidationError({"to": ["Before this time there is no period."]}) from None
    if not dt.timedelta() < end - start <= dt.timedelta(days=MOST_DAYS):
        raise exceptions.ValidationError({"from": [f"The period must be up to {MOST_DAYS:,} days before “to”."]})
    return Period(start, end)


class ExperimentFilter(OfSiteFilter):
    class Meta:
        model = Experiment
        fields = {"screen": ["exact"]}


class ExperimentViewSet(OperatorsChange, mixins.CreateModelMixin, ScopedReadOnlyViewSet):
    """Experiments. Their plan is published when they are made, and cannot be changed."""

    queryset = Experiment.objects.select_related("site", "screen__site").prefetch_related("arms").order_by("pk")
    serializer_class = ExperimentSerializer
    filterset_class = ExperimentFilter

    @extend_schema(responses=ExperimentResultSerializer)
    @action(detail=True)
    def result(self, request: Request, pk: Any = None) -> Response:
        """Return what may be said of the experiment now, by its stop rule."""
        return Response(result_row(read_result(self.get_object(), now=timezone.now())))

    @extend_schema(responses=BlockSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def plan(self, request: Request, pk: Any = None) -> Response:
        """Return the published plan. `plan_hash` is the SHA-256 of its lines: number, start, end, content."""
        experiment = self.get_object()
        names = {arm.number: arm.content.key for arm in experiment.arms.select_related("content")}
        return Response(
            [
                {
                    "number": block.number,
                    "starts_at": block.starts_at,
                    "ends_at": block.ends_at,
                    "content": names[block.arm],
                }
                for block in experiment.blocks.all()
            ]
        )

    @extend_schema(request=None, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: Any = None) -> Response:
        """Stop the experiment before its end."""
        experiment = self.get_object()
        self.check_site(experiment.site)
        experiments.stop(experiment=experiment, now=timezone.now())
        return Response(ExperimentSerializer(experiment, context=self.get_serializer_context()).data)

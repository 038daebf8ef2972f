"""The API of comparisons: of a place with its own past, or with another place."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.features.comparing.calibration import pair_of, read_calibrations
from analytics.numbers.buckets import day_bounds
from analytics.numbers.periods import PAST_DAYS, WEEK
from analytics.numbers.reads import Selection
from analytics.rest.places import find_place
from analytics.rest.serializers import (
    MAX_BUCKETS,
    MomentField,
    SpanQuery,
    hours_field,
    parse_bounds,
    parse_bucket_bounds,
)
from analytics.verdicts.findings import Finding, Normality, Word, judge_day, tell
from analytics.verdicts.hour_series import Measure, read_hour_series, usual_people
from analytics.verdicts.matched import compare
from analytics.verdicts.opening import with_opening_hours
from analytics.verdicts.period_numbers import judge
from analytics.verdicts.spans import Span, average_side, compare_spans
from analytics.verdicts.untold import explain_day
from devices.rest.parameters import parse_query
from edge_agent.vision.gestures import THUMBS_UP


class ComparisonQuery(SpanQuery):
    """A place and a period, and with which period or place they are compared."""

    other_from = MomentField(
        required=False,
        help_text="Start of the other period; by default whole weeks earlier, without overlap.",
    )
    other_to = MomentField(required=False, help_text="End of the other period; give both or none.")
    other_site = serializers.CharField(required=False, help_text="Compare with this site over the same period instead.")
    other_device = serializers.CharField(required=False, help_text="Or with this device.")
    hours = hours_field()
    label = serializers.CharField(required=False, default=THUMBS_UP, max_length=64, help_text="The label of gestures.")  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if ("other_from" in attrs) != ("other_to" in attrs):
            raise serializers.ValidationError({"other_from": ["Give other_from and other_to, or none of them."]})
        if "other_from" in attrs and _names_place(attrs):
            sentence = "Compare either with another period or with another place."
            raise serializers.ValidationError({"other_from": [sentence]})
        return attrs


class FindingSerializer(serializers.Serializer[Any]):
    """How one measure compares; a ratio above 1 means more than the other period or place."""

    measure = serializers.ChoiceField(
        choices=[each.value for each in Measure], help_text="Visits are there only if a camera follows people."
    )
    finding = serializers.ChoiceField(
        source="word",
        choices=[each.value for each in Word],
        help_text="Judged together with the other measures of the response.",
    )
    ratio = serializers.FloatField(
        source="comparison.ratio", allow_null=True, help_text="Over the hours in common, each hour of the week alike."
    )
    low = serializers.FloatField(
        source="comparison.interval.low", allow_null=True, default=None, help_text="The 95% interval of the ratio."
    )
    high = serializers.FloatField(source="comparison.interval.high", allow_null=True, default=None)
    hours_in_common = serializers.IntegerField(source="comparison.hours_in_common")
    notes = serializers.ListField(
        child=serializers.CharField(),
        source="comparison.notes",
        help_text="Sentences on cameras and settings that were changed meanwhile.",
    )


class UsualQuery(SpanQuery):
    """A place; `from` and `to` have no meaning here."""

    hours = hours_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("from", "to"):
            if name in attrs:
                raise serializers.ValidationError({name: ["The usual range is that of today; leave it out."]})
        return super().validate(attrs)


class UsualSerializer(serializers.Serializer[Any]):
    """How many people came today so far, beside what is usual; numbers are null where it is too early to tell."""

    finding = serializers.ChoiceField(choices=[each.value for each in Normality])
    measure = serializers.ChoiceField(
        choices=[Measure.VISITS.value, Measure.SPELLS.value],
        help_text="Visits where the cameras follow people and enough weeks know them, else occupied spells.",
    )
    value = serializers.FloatField(allow_null=True, help_text="In the hours that are over and were seen.")
    median = serializers.FloatField(allow_null=True, help_text="Of the same hours and weekday in earlier weeks.")
    low = serializers.FloatField(allow_null=True, help_text="The usual range holds 80% of days.")
    high = serializers.FloatField(allow_null=True)
    weeks = serializers.IntegerField(help_text="How many earlier weeks it is made from; 0 where it is too early.")
    untold = serializers.CharField(
        help_text="Why it is too early, and from which day on there will be a usual range; empty where there is one."
    )


class ComparisonViewSet(ViewSet):
    """Whether more or fewer people came."""

    @extend_schema(parameters=[ComparisonQuery], responses=FindingSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Compare a place with its own past, or with another place, over the hours of the week that both sides saw.

        The period is by default the last seven days, and the other period the seven days before. Another place is
        compared by its average number of people alone; corrected by ground truth if all cameras of both places have
        it. An hour is compared if it is over and both sides saw at least half of it. `finding` is “more”, “fewer”,
        “about the same” (the interval lies within ±10 %) or “cannot tell”.
        """
        query, now = parse_query(ComparisonQuery, request), timezone.now()
        findings = _other_place(request, query, now) if _names_place(query) else _other_period(request, query, now)
        rows = [{"measure": name, "word": each.word, "comparison": each.comparison} for name, each in findings.items()]
        return Response(FindingSerializer(rows, many=True).data)

    @extend_schema(parameters=[UsualQuery], responses=UsualSerializer)
    @action(detail=False)
    def usual(self, request: Request) -> Response:
        """Return whether today is usual so far: how many came, and the range in which 80 of 100 such days lie."""
        query, now = parse_query(UsualQuery, request), timezone.now()
        place = find_place(request, query)
        day, end = day_bounds(now, place.zone)
        selection = Selection(place.devices, place.zone, end - dt.timedelta(days=PAST_DAYS), end)
        (series,) = read_hour_series(with_opening_hours([selection], query["hours"]), label=THUMBS_UP, now=now)
        measure, usual = usual_people(series, day=day, now=now)
        numbers = usual and (usual.value, usual.median, usual.band.low, usual.band.high, usual.weeks)
        names = ("value", "median", "low", "high", "weeks")
        return Response(
            {
                "finding": judge_day(usual),
                "measure": measure,
                **dict(zip(names, numbers or (None, None, None, None, 0), strict=True)),
                "untold": "" if usual else explain_day(series, day.astimezone(place.zone).date()),
            }
        )


def _names_place(query: Mapping[str, Any]) -> bool:
    return "other_site" in query or "other_device" in query


def _other_period(request: Request, query: dict[str, Any], now: dt.datetime) -> dict[Measure, Finding]:
    place = find_place(request, query)
    period = _period(query, place.zone, now)
    if "other_from" in query:
        start, end = parse_bounds({"from": query["other_from"], "to": query["other_to"]}, place.zone)
        other: Span = (start or period[0], end or period[0])
    else:
        length = period[1] - period[0]
        earlier = dt.timedelta(days=-(-length // dt.timedelta(days=WEEK)) * WEEK)
        # Local times, so that the same hours are compared where clocks change.
        local = [at.astimezone(place.zone).replace(tzinfo=None) - earlier for at in period]
        other = (local[0].replace(tzinfo=place.zone), local[1].replace(tzinfo=place.zone))
    start = min(period[0], other[0], max(period[1], other[1]) - dt.timedelta(days=PAST_DAYS))
    end = max(period[1], other[1])
    _refuse_long(start, end)
    selections = with_opening_hours([Selection(place.devices, place.zone, start, end)], query["hours"])
    (series,) = read_hour_series(selections, label=query["label"], now=now)
    return judge(compare_spans(series, period, other))


def _other_place(request: Request, query: dict[str, Any], now: dt.datetime) -> dict[Measure, Finding]:
    names = {name: query[f"other_{name}"] for name in ("site", "device") if f"other_{name}" in query}
    selections, periods = [], []
    for place in (find_place(request, query), find_place(request, names)):
        period = _period(query, place.zone, now)
        start = min(period[0], period[1] - dt.timedelta(days=PAST_DAYS))
        _refuse_long(start, period[1])
        selections.append(Selection(place.devices, place.zone, start, period[1]))
        periods.append(period)
    series = read_hour_series(with_opening_hours(selections, query["hours"]), label=query["label"], now=now)
    one, other = (average_side(each, *period) for each, period in zip(series, periods, strict=True))
    calibrations = read_calibrations(
        [(each.devices, own, side.hours) for each, own, side in zip(selections, series, (one, other), strict=True)]
    )
    return tell({Measure.AVERAGE: compare(one, other, pair_of(*calibrations))})


def _period(query: dict[str, Any], zone: Any, now: dt.datetime) -> Span:
    return parse_bucket_bounds({**query, "bucket": "hour"}, zone, now)


def _refuse_long(start: dt.datetime, end: dt.datetime) -> None:
    hours = (end - start) // dt.timedelta(hours=1)
    if hours > MAX_BUCKETS:
        sentence = f"Both periods together span {hours:,} hours; the limit is {MAX_BUCKETS:,}. Select nearer periods."
        raise serializers.ValidationError({"from": [sentence]})

"""How questions and their answers look in the API."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from analytics.models.questions import Question, validate_quarter
from analytics.questions import reads
from analytics.rest.serializers import LocalTimeField
from devices.models import Site


class OwnSiteField(serializers.SlugRelatedField[Site]):
    """One of the user's sites, by its slug."""

    def get_queryset(self) -> Any:
        request = self.context.get("request")
        return Site.objects.all().for_user(request.user if request else None)

    def to_internal_value(self, data: Any) -> Site:
        # No site has one, and PostgreSQL refuses to look for it.
        return super().to_internal_value(str(data).replace("\0", " "))


class QuarterField(serializers.DateTimeField):
    """A moment that may lie at the ends of the calendar, where zones have no times any more."""

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        try:
            return super().enforce_timezone(value)
        except OverflowError:
            self.fail("overflow", timezone=timezone.get_current_timezone_name())


class QuestionSerializer(serializers.ModelSerializer[Question]):
    """Times are the site's own; one that is given without an offset is meant so too."""

    site = OwnSiteField(slug_field="slug", queryset=Site.objects.none(), help_text="A site's slug; stays as it is.")
    asked_from = QuarterField(validators=[validate_quarter])
    asked_until = QuarterField(validators=[validate_quarter], help_text="No more from then on.")
    state = serializers.SerializerMethodField(help_text="before, running or ended.")

    class Meta:
        model = Question
        fields = ["id", "site", "text", "asked_from", "asked_until", "yes_label", "no_label", "state"]

    def get_fields(self) -> Any:
        fields = super().get_fields()
        fields["site"].read_only = isinstance(self.instance, Question)
        return fields

    def get_state(self, question: Question) -> str:
        return reads.state(question, timezone.now())

    def to_representation(self, instance: Question) -> Any:
        with timezone.override(instance.site.zone):
            return super().to_representation(instance)

    def to_internal_value(self, data: Any) -> Any:
        with timezone.override(self._zone(data)):
            return super().to_internal_value(data)

    def _zone(self, data: Any) -> str:
        if isinstance(self.instance, Question):
            return self.instance.site.timezone
        try:
            site = self.fields["site"].to_internal_value(data.get("site") if isinstance(data, Mapping) else None)
        except serializers.ValidationError:
            return "UTC"
        return str(site.timezone)


class AnswersSerializer(serializers.Serializer[Any]):
    """Of a `reads.Answers`."""

    yes = serializers.IntegerField(help_text="Gestures that meant yes, each once however many frames show it.")
    no = serializers.IntegerField()
    yes_detections = serializers.IntegerField(help_text="Detections of that gesture: each hand in each frame.")
    no_detections = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="Of yes among the gestures, 0 to 1; null without any.")
    share_low = serializers.FloatField(
        source="interval.low", default=None, allow_null=True, help_text="Wilson's 95 % interval of the share."
    )
    share_high = serializers.FloatField(source="interval.high", default=None, allow_null=True)


class AnswerBucketSerializer(serializers.Serializer[Any]):
    start = LocalTimeField(help_text="In the site's own zone, with its offset.")
    end = LocalTimeField()
    coverage = serializers.FloatField(
        source="camera.coverage", help_text="0 is “camera off”: then 0 answers mean nothing."
    )
    answers = AnswersSerializer()


class DeviceAnswersSerializer(serializers.Serializer[Any]):
    device = serializers.CharField(source="device.name")
    minutes_seen = serializers.IntegerField(help_text="0 is “camera off”: then 0 answers mean nothing.")
    answers = AnswersSerializer()


class ResultSerializer(serializers.Serializer[Any]):
    """Of a `reads.Result`."""

    state = serializers.ChoiceField(choices=[state.value for state in reads.State])
    coverage = serializers.FloatField(source="whole.coverage", help_text="Of the devices' time that was asked in.")
    answers = AnswersSerializer()
    bucket = serializers.ChoiceField(choices=["hour", "day"])
    buckets = AnswerBucketSerializer(many=True)
    devices = DeviceAnswersSerializer(many=True)

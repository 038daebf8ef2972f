"""The JSON of questions and their answers."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from analytics.features.questions import reads
from analytics.models.questions import Question, validate_quarter
from analytics.rest.serializers import LocalTimeField
from devices.rest.fields import SiteField


class QuarterField(serializers.DateTimeField):
    """A time; at the ends of the calendar, where time zones cannot be computed, a validation error."""

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        try:
            return super().enforce_timezone(value)
        except OverflowError:
            self.fail("overflow", timezone=timezone.get_current_timezone_name())


class QuestionSerializer(serializers.ModelSerializer[Question]):
    """A question; its times are local times of the site, also where a request gives them without an offset."""

    site = SiteField(help_text="A site's slug; cannot be changed later.")
    asked_from = QuarterField(validators=[validate_quarter])
    asked_until = QuarterField(
        validators=[validate_quarter], help_text="The end; gestures from this time on are no answers."
    )
    state = serializers.SerializerMethodField(
        help_text="Whether the question has begun or ended: before, running or ended."
    )

    class Meta:
        model = Question
        fields = ["id", "site", "text", "asked_from", "asked_until", "yes_label", "no_label", "state"]

    def get_fields(self) -> Any:
        fields = super().get_fields()
        fields["site"].read_only = isinstance(self.instance, Question)
        return fields

    def get_state(self, question: Question) -> str:
        return reads.question_state(question, timezone.now())

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
    """A `reads.AnswerCounts`."""

    yes = serializers.IntegerField(
        help_text="Answers that mean yes: people, each with their last gesture; at devices that do not follow people, "
        "gestures, each once for any number of frames."
    )
    no = serializers.IntegerField(help_text="Answers that mean no.")
    people = serializers.IntegerField(
        help_text="How many of the answers are people's; the others are gestures at devices that do not follow people."
    )
    yes_detections = serializers.IntegerField(help_text="Detections of the gesture for yes: each hand in each frame.")
    no_detections = serializers.IntegerField(help_text="Detections of the gesture for no.")
    share = serializers.FloatField(
        allow_null=True, help_text="Share of yes among the answers, 0 to 1; null without an answer."
    )
    share_low = serializers.FloatField(
        source="interval.low", default=None, allow_null=True, help_text="Wilson's 95 % interval of the share."
    )
    share_high = serializers.FloatField(source="interval.high", default=None, allow_null=True)


class AnswerBucketSerializer(serializers.Serializer[Any]):
    start = LocalTimeField(help_text="Local time of the site, with its offset.")
    end = LocalTimeField()
    coverage = serializers.FloatField(
        source="camera.coverage", help_text="0 means “camera off”: then nobody could answer."
    )
    answers = AnswersSerializer()


class DeviceAnswersSerializer(serializers.Serializer[Any]):
    device = serializers.CharField(source="device.name")
    minutes_seen = serializers.IntegerField(help_text="0 means “camera off”: then nobody could answer.")
    minutes_told = serializers.IntegerField(
        help_text="The seen minutes in which the answers are known: fewer if the device waits between uploads."
    )
    answers = AnswersSerializer()


class ResultSerializer(serializers.Serializer[Any]):
    """A `reads.QuestionResult`."""

    state = serializers.ChoiceField(choices=[state.value for state in reads.State])
    coverage = serializers.FloatField(
        source="camera_total.coverage",
        help_text="Share of the devices' minutes during the question that have any frame.",
    )
    answers = AnswersSerializer()
    bucket = serializers.ChoiceField(choices=["hour", "day"])
    buckets = AnswerBucketSerializer(many=True)
    devices = DeviceAnswersSerializer(many=True)

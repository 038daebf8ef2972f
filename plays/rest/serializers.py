"""How screens, contents, plays and experiments look in the API."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from devices.models import Device, Site
from devices.rest.fields import SiteField
from devices.rest.items import EachField
from plays.experiments import services as experiments
from plays.experiments.reads import Result
from plays.intake import services
from plays.intake.posted import MOST_PLAYS, ShownSerializer
from plays.models import MOST_CAMERAS, Content, Experiment, Play, Screen


class OwnField(serializers.PrimaryKeyRelatedField[Any]):
    """A row of a site that the caller may see."""

    def get_queryset(self) -> Any:
        request = self.context.get("request")
        return super().get_queryset().for_user(request.user if request else None)  # type: ignore[union-attr]


class ScreenSerializer(serializers.ModelSerializer[Screen]):
    site = SiteField()
    cameras = serializers.ListField(
        child=serializers.CharField(max_length=80),
        min_length=1,
        max_length=MOST_CAMERAS,
        help_text="The names of the devices that see the screen's audience.",
    )

    usual = OwnField(queryset=Content.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Screen
        fields = ("id", "site", "name", "cameras", "usual", "external_id", "clock_ahead_ms", "clock_is_set")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        site = attrs.get("site") or (self.instance.site if self.instance else None)
        check_cameras(site, attrs.get("cameras", ()))
        usual = attrs.get("usual")
        if usual is not None and usual.site != site:
            raise serializers.ValidationError({"usual": [f"{site} has no content {usual.pk}."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Screen:
        self.context["view"].check_site(validated_data["site"])
        return services.change_screen(screen=Screen(**validated_data))

    def update(self, instance: Screen, validated_data: dict[str, Any]) -> Screen:
        if validated_data.get("site", instance.site) != instance.site:
            raise serializers.ValidationError({"site": ["A screen stays at its site; make a new one at the other."]})
        for name, value in validated_data.items():
            setattr(instance, name, value)
        return services.change_screen(screen=instance)


def check_cameras(site: Site | None, names: Any) -> None:
    """Raise `ValidationError` unless the site has devices of these names."""
    known = set(Device.objects.filter(site=site, name__in=list(names)).order_by().values_list("name", flat=True))
    missing = [name for name in names if name not in known]
    if missing:
        raise serializers.ValidationError({"cameras": [f"{site} has no device “{missing[0]}”."]})


class ContentSerializer(serializers.ModelSerializer[Content]):
    site = serializers.CharField(source="site.slug", read_only=True)

    class Meta:
        model = Content
        fields = ("id", "site", "key", "name", "address")
        read_only_fields = ("key",)


class PlaySerializer(serializers.ModelSerializer[Play]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    screen = serializers.IntegerField(source="screen_id", read_only=True)
    content = serializers.IntegerField(source="content_id", read_only=True)

    class Meta:
        model = Play
        fields = (
            *("id", "site", "device", "screen", "content", "started_at", "ended_at", "is_closed", "layout"),
            *("position", "source"),
        )


class ScreenReportSerializer(serializers.Serializer[Any]):
    """What a player reports. Each play stands for itself: `refused` names those that are not stored."""

    site = SiteField()
    screen = serializers.CharField(max_length=80, help_text="The screen's name.")
    sent_at = serializers.DateTimeField(
        required=False, help_text="The player's clock now, which tells how far the clock is off."
    )
    plays = EachField(child=ShownSerializer(), min_length=1, max_length=MOST_PLAYS)


class PlayFileSerializer(serializers.Serializer[Any]):
    site = SiteField()
    file = serializers.FileField(help_text="A CSV file, or Xibo's proof of play.")


class ImportedSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="Rows that are not about a content.")
    refused = serializers.IntegerField()
    problems = serializers.ListField(child=serializers.CharField(), help_text="The first refused lines, by number.")


class NowSerializer(serializers.Serializer[Any]):
    content = serializers.CharField(allow_null=True, help_text="Null where no experiment decides.")
    name = serializers.CharField(allow_null=True)
    address = serializers.CharField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True, help_text="Ask again at this time at the latest.")
    experiment = serializers.IntegerField(allow_null=True)


class NumbersQuery(serializers.Serializer[Any]):
    """The period of a content's numbers; by default the last 28 days."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "from": serializers.DateTimeField(required=False),
            "to": serializers.DateTimeField(required=False),
        }


class SiteNumbersQuery(NumbersQuery):
    """The site and the period of numbers."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "site": serializers.SlugField(required=False)}


class PartsQuery(NumbersQuery):
    """The parts and the period of a content's numbers."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        by = serializers.ChoiceField(choices=("day", "hour", "screen", "position"), default="day")
        return {**super().get_fields(), "by": by}


class NumbersSerializer(serializers.Serializer[Any]):
    """What people did while a content was shown. Null means unknown."""

    plays = serializers.IntegerField()
    shown_s = serializers.FloatField()
    coverage = serializers.FloatField(allow_null=True, help_text="Share of the shown time with a camera on.")
    impressions = serializers.IntegerField(help_text="Together with a play for at least a second.")
    viewers = serializers.IntegerField(help_text="People with at least a second of attention to the content.")
    attention_s = serializers.FloatField(allow_null=True, help_text="Seconds per impression.")
    attention_interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    attention_per_play_s = serializers.FloatField(allow_null=True)
    attention_per_viewer_s = serializers.FloatField(allow_null=True)
    thumbs_up = serializers.IntegerField()
    conversion = serializers.FloatField(allow_null=True)
    conversion_interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    average_unit_audience = serializers.FloatField(allow_null=True)


class ContentNumbersSerializer(NumbersSerializer):
    content = serializers.IntegerField()
    name = serializers.CharField()
    site = serializers.CharField()


class PartNumbersSerializer(NumbersSerializer):
    part = serializers.CharField(
        help_text="The local day, the local hour, the screen's number, or the place in the sequence (0: not told)."
    )


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    site = SiteField()
    screen = OwnField(queryset=Screen.objects.all())
    contents = OwnField(
        many=True, queryset=Content.objects.all(), help_text="The first is what the others are compared with."
    )

    class Meta:
        model = Experiment
        fields = (
            *("id", "site", "screen", "name", "contents", "measure", "stop_rule", "first_day", "days"),
            *("from_hour", "to_hour", "block_minutes", "smallest_lift", "plan_hash", "stopped_at"),
        )
        read_only_fields = ("plan_hash", "stopped_at")

    def create(self, validated_data: dict[str, Any]) -> Experiment:
        self.context["view"].check_site(validated_data["site"])
        contents = validated_data.pop("contents")
        request = self.context["request"]
        experiment = Experiment(**validated_data)
        return experiments.publish(experiment=experiment, contents=contents, by=request.user, now=timezone.now())

    def to_representation(self, instance: Experiment) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown["contents"] = [arm.content_id for arm in instance.arms.all()]
        return shown


class ArmResultSerializer(serializers.Serializer[Any]):
    content = serializers.IntegerField()
    visits = serializers.IntegerField(allow_null=True)
    average = serializers.FloatField(allow_null=True, help_text="Of the experiment's measure.")
    words = serializers.CharField(allow_blank=True, help_text="The verdict beside the first content.")
    lift = serializers.FloatField(allow_null=True, help_text="0.15 for 15 %.")
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    more_days = serializers.IntegerField(allow_null=True)


class ExperimentResultSerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    squares = serializers.IntegerField(help_text="Squares of the plan that are over and covered.")
    planned_squares = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="Squares in which a camera was off for too long.")
    adherence = serializers.FloatField(allow_null=True, help_text="Share of the time that was shown as planned.")
    arms = ArmResultSerializer(many=True)


class BlockSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    content = serializers.CharField()


def result_row(result: Result) -> dict[str, Any]:
    """Return what may be said of an experiment, as the API shows it."""
    rows = []
    for arm in result.arms:
        finding = result.findings.get(arm.number)
        comparison = finding.comparison if finding else None
        interval = comparison.interval if comparison else None
        rows.append(
            {
                "content": arm.content_id,
                "visits": result.sums[arm.number].visits if result.is_readable else None,
                "average": result.average(arm.number),
                "words": result.words(arm.number) if arm.number else "",
                "lift": comparison.ratio - 1 if comparison and comparison.ratio is not None else None,
                "interval": [interval.low - 1, interval.high - 1] if interval else None,
                "more_days": result.more_days.get(arm.number),
            }
        )
    return {
        "state": str(result.state),
        "squares": result.squares,
        "planned_squares": result.planned_squares,
        "left_out": result.left_out,
        "adherence": result.adherence,
        "arms": rows,
    }

"""How channels, rules and notices look in the API."""

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from rest_framework import serializers

from analytics.models import Verdict
from devices.models import Site
from devices.rest.fields import SiteField
from notifications.letters import services as letters
from notifications.models import Channel, Letter, Notice, Reader, Rule
from notifications.rules import services as rules
from notifications.sending import services as sending


def _check_site(serializer: "serializers.BaseSerializer[Any]", site: Site) -> None:
    serializer.context["view"].check_site(site)


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    site = SiteField()
    address = serializers.CharField(write_only=True, required=False, allow_blank=True, max_length=1000)
    key = serializers.SerializerMethodField(help_text="The key that signs a webhook's messages; only when it is made.")

    class Meta:
        model = Channel
        fields = ("id", "site", "name", "kind", "address", "shown", "enabled", "last_sent_at", "problem", "key")
        read_only_fields = ("shown", "enabled", "last_sent_at", "problem")

    def get_key(self, channel: Channel) -> str | None:
        return getattr(channel, "new_key", None)

    def create(self, validated_data: dict[str, Any]) -> Channel:
        _check_site(self, validated_data["site"])
        try:
            channel, key = sending.add_channel(**{"address": "", **validated_data})
        except Invalid as error:
            raise serializers.ValidationError(serializers.as_serializer_error(error)) from None
        channel.new_key = key or None  # type: ignore[attr-defined]
        return channel


class RuleSerializer(serializers.ModelSerializer[Rule]):
    site = SiteField()
    channels = serializers.PrimaryKeyRelatedField(many=True, queryset=Channel.objects.all())
    escalate_to = serializers.PrimaryKeyRelatedField(many=True, queryset=Channel.objects.all(), required=False)
    sentence = serializers.CharField(source="__str__", read_only=True)
    texts = serializers.ListField(child=serializers.CharField(max_length=1000), required=False, max_length=50)

    class Meta:
        model = Rule
        fields = (
            *("id", "site", "sentence", "kind", "device_name", "label", "every_nth", "threshold", "channels", "texts"),
            *("cool_down_s", "quiet_days", "quiet_from", "quiet_until", "escalate_after_min", "escalate_to"),
            *("after_review", "with_picture", "enabled", "snoozed_until", "last_told_at"),
        )
        read_only_fields = ("last_told_at",)

    def create(self, validated_data: dict[str, Any]) -> Rule:
        return self._save(Rule(), validated_data)

    def update(self, instance: Rule, validated_data: dict[str, Any]) -> Rule:
        _check_site(self, instance.site)
        return self._save(instance, validated_data)

    def _save(self, rule: Rule, values: dict[str, Any]) -> Rule:
        channels, others = values.pop("channels", None), values.pop("escalate_to", None)
        for name, value in values.items():
            setattr(rule, name, value)
        _check_site(self, rule.site)
        chosen = list(rule.channels.all()) if channels is None else channels
        try:
            by = self.context["request"].user
            return rules.save_rule(rule=rule, channels=chosen, escalate_to=others, by=by)
        except Invalid as error:
            raise serializers.ValidationError(serializers.as_serializer_error(error)) from None


class TestedSerializer(serializers.Serializer[Any]):
    """What became of a test of a channel."""

    result = serializers.CharField(help_text="One sentence.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What the texts of a rule would say of the last thing that happened."""

    happened_at = serializers.DateTimeField(allow_null=True)
    texts = serializers.ListField(child=serializers.CharField())


class DecisionSerializer(serializers.Serializer[Any]):
    """What a person says of a detection."""

    verdict = serializers.ChoiceField(choices=Verdict.choices)


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    site = serializers.CharField(source="rule.site.slug", read_only=True)
    channel = serializers.CharField(source="channel.name", read_only=True)

    class Meta:
        model = Notice
        fields = (
            *("id", "site", "rule", "channel", "subject", "text", "happened_at", "created_at", "state", "attempts"),
            *("sent_at", "problem", "escalate_at", "acknowledged_at"),
        )


class LetterSerializer(serializers.ModelSerializer[Letter]):
    site = serializers.CharField(source="site.slug", read_only=True)
    content = serializers.DictField(read_only=True, help_text="What the letter says: numbers, sentences and figures.")

    class Meta:
        model = Letter
        fields = ("id", "site", "unit", "first", "last", "made_at", "content")


class ReaderSerializer(serializers.ModelSerializer[Reader]):
    site = SiteField(required=False, allow_null=True, help_text="Leave it out for all your sites.")
    address = serializers.EmailField(required=False, help_text="Leave it out for the address of your account.")

    class Meta:
        model = Reader
        fields = ("id", "site", "address", "unit", "added_at")
        read_only_fields = ("added_at",)
        validators = ()  # The service says in a sentence what is wrong; who reads already stays one reader.

    def create(self, validated_data: dict[str, Any]) -> Reader:
        user, site = self.context["request"].user, validated_data.get("site")
        address = validated_data.get("address", user.email)
        is_own = address == user.email
        if site is None and not is_own:
            raise serializers.ValidationError({"site": ["Letters about all sites go to your own address alone."]})
        if not is_own and site is not None:
            _check_site(self, site)
        unit = validated_data.get("unit", "week")
        try:
            return letters.add_reader(site=site, unit=unit, address=address, user=user if is_own else None, by=user)
        except Invalid as error:
            raise serializers.ValidationError(serializers.as_serializer_error(error)) from None

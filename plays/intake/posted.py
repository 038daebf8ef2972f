"""Plays as they are posted: by a program with a token, or by a player with its link."""

import datetime as dt
from typing import Any, cast

from django.utils import timezone
from rest_framework import serializers

from plays.intake import services
from plays.intake.reports import Report
from plays.models import MOST_NAME, Screen, Source

MOST_PLAYS = 1_000
"""Plays in one request."""


class ShownSerializer(serializers.Serializer[Any]):
    content = serializers.CharField(max_length=MOST_NAME, help_text="The player's name of what it shows.")
    start = serializers.DateTimeField(help_text="With its offset from UTC.")
    end = serializers.DateTimeField(required=False, allow_null=True, help_text="Absent while it goes on.")
    seen = serializers.DateTimeField(
        required=False, help_text="Of a play that goes on: the last moment at which it was shown."
    )
    name = serializers.CharField(max_length=MOST_NAME, required=False, allow_blank=True, default="")
    layout = serializers.CharField(max_length=MOST_NAME, required=False, allow_blank=True, default="")
    position = serializers.IntegerField(min_value=0, max_value=32_767, required=False, default=0)


class RefusedPlaySerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The place of the play in the request, from 0 on.")
    detail = serializers.CharField()


class StoredSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField(help_text="Plays that are stored, also those that were stored before.")
    refused = RefusedPlaySerializer(many=True)


def store_posted(screen: Screen, plays: list[Any], sent_at: dt.datetime | None, source: Source) -> dict[str, Any]:
    """Store posted plays; return what became of each, as `StoredSerializer` shows it."""
    now = timezone.now()
    reports: list[Report] = []
    numbers: list[int] = []
    refused: list[tuple[int, str]] = []
    for number, each in enumerate(plays):
        if not isinstance(each, dict):
            refused.append((number, "The play must be an object with “content” and “start”."))
            continue
        shown = ShownSerializer(data=each)
        if shown.is_valid():
            values = shown.validated_data
            reports.append(
                Report(
                    values["content"],
                    values["start"].astimezone(dt.UTC),
                    values["end"].astimezone(dt.UTC) if values.get("end") else None,
                    values["name"],
                    values["layout"],
                    values["position"],
                    values["seen"].astimezone(dt.UTC) if values.get("seen") else None,
                )
            )
            numbers.append(number)
        else:
            field, sentences = next(iter(cast("dict[str, Any]", shown.errors).items()))
            refused.append((number, f"“{field}”: {sentences[0]}"))
    ahead = sent_at - now if sent_at else None
    stored = services.store(screen=screen, reports=reports, source=source, now=now, ahead=ahead)
    refused += [(numbers[place], sentence) for place, sentence in stored.refused]
    return {
        "stored": stored.plays,
        "refused": [{"number": number, "detail": sentence} for number, sentence in sorted(refused)],
    }

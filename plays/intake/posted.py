"""Plays as they are posted: by a program with a token, or by a player with its link."""

import datetime as dt
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from devices.rest.items import Items, RefusedSerializer
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


class StoredSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField(help_text="Plays that are stored, also those that were stored before.")
    refused = RefusedSerializer(many=True)


def store_posted(screen: Screen, plays: Items, sent_at: dt.datetime | None, source: Source) -> dict[str, Any]:
    """Store posted plays, read by `ShownSerializer`; return what became of each, as `StoredSerializer` shows it."""
    now = timezone.now()
    ahead = sent_at - now if sent_at else None
    reports = [_report(play) for play in plays.valid.values()]
    stored = services.store(screen=screen, reports=reports, source=source, now=now, ahead=ahead)
    numbers = list(plays.valid)
    plays.refused |= {numbers[place]: sentence for place, sentence in stored.refused}
    return {"stored": stored.plays, "refused": plays.as_refused()}


def _report(play: dict[str, Any]) -> Report:
    return Report(
        play["content"],
        play["start"].astimezone(dt.UTC),
        play["end"].astimezone(dt.UTC) if play.get("end") else None,
        play["name"],
        play["layout"],
        play["position"],
        play["seen"].astimezone(dt.UTC) if play.get("seen") else None,
    )

"""The JSON of visitors and reactions."""

from typing import Any

from rest_framework import serializers

from analytics.features.visitors.reads import EMOTIONS
from analytics.rest.serializers import LocalTimeField
from faces.people.feelings import SMALLEST_GROUP


class VisitorDaySerializer(serializers.Serializer[Any]):
    """A `reads.VisitorDay`."""

    start = LocalTimeField(help_text="Start of the local day, with its offset.")
    end = LocalTimeField()
    visitors = serializers.IntegerField(
        allow_null=True,
        help_text="The number of people who were recognised; null where no site recognised people.",
    )
    guests = serializers.IntegerField(
        allow_null=True, help_text="The number of guests among them: strangers with a number."
    )


class SharesSerializer(serializers.Serializer[Any]):
    """The share of each expression among the faces, 0 to 1."""

    def get_fields(self) -> dict[str, Any]:
        return {name: serializers.FloatField(min_value=0, max_value=1) for name in EMOTIONS}


class ReactionDaySerializer(serializers.Serializer[Any]):
    """A `reads.ReactionDay`."""

    start = LocalTimeField(help_text="Start of the local day, with its offset.")
    end = LocalTimeField()
    shares = SharesSerializer(
        allow_null=True,
        help_text=f"Null where none are read, the day is not over, or no quarter hour had {SMALLEST_GROUP} people.",
    )

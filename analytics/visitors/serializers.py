"""How visitors and reactions look in the API."""

from typing import Any

from rest_framework import serializers

from analytics.rest.serializers import LocalTimeField
from analytics.visitors.privacy import EMOTIONS, SMALLEST_GROUP


class VisitorDaySerializer(serializers.Serializer[Any]):
    """Of a `reads.VisitorDay`."""

    start = LocalTimeField(help_text="The local day's first moment, with its offset.")
    end = LocalTimeField()
    visitors = serializers.IntegerField(
        allow_null=True,
        help_text="Different people who were recognised; null where nobody could be, which is not zero.",
    )
    guests = serializers.IntegerField(allow_null=True, help_text="Those of them who are strangers with a number.")


class SharesSerializer(serializers.Serializer[Any]):
    """The share of each emotion, 0 to 1, each person weighing the same."""

    def get_fields(self) -> dict[str, Any]:
        return {name: serializers.FloatField(min_value=0, max_value=1) for name in EMOTIONS}


class ReactionDaySerializer(serializers.Serializer[Any]):
    """Of a `reads.ReactionDay`."""

    start = LocalTimeField(help_text="The local day's first moment, with its offset.")
    end = LocalTimeField()
    shares = SharesSerializer(
        allow_null=True,
        help_text=f"Null where no reactions are read, the day is not over, or fewer than {SMALLEST_GROUP} people came.",
    )

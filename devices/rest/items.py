"""Reads the items of a posted list, each for itself: an item that is wrong harms no other."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.settings import api_settings

MOST_NAMED = 10
"""Refused items that an error names; they mostly have the same fault."""


class RefusedSerializer(serializers.Serializer[Any]):
    """An item of a posted list that is not taken."""

    number = serializers.IntegerField(help_text="The place of the item in the list, from 0.")
    detail = serializers.CharField(help_text="Why it is refused, in one sentence.")


@dataclass(slots=True)
class Items:
    """The items of a posted list by their places in it."""

    valid: dict[int, Any] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    """Why an item is refused, in one sentence."""

    def __len__(self) -> int:
        return len(self.valid) + len(self.refused)

    def as_refused(self) -> list[dict[str, Any]]:
        """Return the refused items as `RefusedSerializer` shows them."""
        return [{"number": number, "detail": detail} for number, detail in sorted(self.refused.items())]


def read_each(child: "serializers.Field[Any, Any, Any, Any]", sent: Iterable[Any]) -> Items:
    """Validate each item as this field or serializer does."""
    items = Items()
    for number, item in enumerate(sent):
        try:
            items.valid[number] = child.run_validation(item)
        except ValidationError as error:
            items.refused[number] = _sentence(error.detail)
    return items


class EachField(serializers.ListField):
    """A list that is validated to `Items`. Only a value that is no list, or has too many items, is an error."""

    def run_child_validation(self, data: Iterable[Any]) -> Any:
        return read_each(self.child, data)


def _sentence(detail: Any) -> str:
    """Return the first of the errors, with the name of its field."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        return _sentence(inner) if name == api_settings.NON_FIELD_ERRORS_KEY else f"“{name}”: {_sentence(inner)}"
    return _sentence(detail[0]) if isinstance(detail, list) else str(detail)

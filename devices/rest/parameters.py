"""The parameters in the address of a request. One that is unknown, repeated or out of its range is refused by name."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.forms import ValidationError as InvalidValue
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer

OF_LISTS = frozenset({"cursor", "page_size", "format"})
"""The parameters of every list."""

FIRST_YEAR, LAST_YEAR = 2, 9998
"""The years whose every hour can be given in every time zone."""

MOST = 2**63 - 1
"""The highest number in the database."""

_LOST_PLUS = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d+)?)? \d{2}:?\d{2}")
"""A time whose offset from UTC began with a plus sign, which stands for a space in an address."""


def check_parameters(request: Request, known: Collection[str]) -> None:
    """Raise `ValidationError`, which names each parameter of the request that is unknown, repeated or not escaped."""
    errors = {}
    for name, values in request.query_params.lists():
        if name not in known:
            errors[name] = f"There is no such parameter here. The parameters are {', '.join(sorted(known))}."
        elif len(values) > 1:
            errors[name] = "The parameter is given more than once."
        elif _LOST_PLUS.search(values[0]):
            errors[name] = "Write the + of the offset from UTC as %2B; a + in an address stands for a space."
    if errors:
        raise ValidationError({name: [error] for name, error in errors.items()})


class KnownFieldsOnly:
    """A mixin of serializers: a field of the body that the serializer does not know is refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        fields = self.fields  # type: ignore[attr-defined]
        known = sorted(name for name, field in fields.items() if not field.read_only)
        unknown = [str(name) for name in data if name not in fields] if isinstance(data, Mapping) else []
        if unknown:
            sentence = f"There is no such field here. The fields are {', '.join(known)}."
            raise ValidationError({name: [sentence] for name in unknown})
        return super().to_internal_value(data)  # type: ignore[misc]


def parse_query(form: type[Serializer[dict[str, Any]]], request: Request) -> dict[str, Any]:
    """Return the validated parameters of the request. Raises `ValidationError` where one is unknown or not valid."""
    query = form(data=request.query_params)
    check_parameters(request, {*query.fields, *OF_LISTS})
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


class _TimeField(IsoDateTimeField):  # type: ignore[misc]
    def to_python(self, value: Any) -> Any:
        try:
            time = super().to_python(value)
        except OverflowError:
            time = None
            out_of_range = True
        else:
            out_of_range = time is not None and not FIRST_YEAR <= time.year <= LAST_YEAR
        if out_of_range:
            raise InvalidValue(f"The time must lie in the years {FIRST_YEAR} to {LAST_YEAR}.")
        return time


class TimeFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]
    field_class = _TimeField


class NumberFilter(filters.NumberFilter):  # type: ignore[misc]
    """A filter by the number of a row."""

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(MOST)

    @property
    def field(self) -> Any:
        field = super().field
        field.validators = [*field.validators, MinValueValidator(-MOST)]
        return field


class FilterSet(filters.FilterSet):  # type: ignore[misc]
    """The filters of a list."""

    FILTER_DEFAULTS = {**filters.FilterSet.FILTER_DEFAULTS, models.DateTimeField: {"filter_class": TimeFilter}}


class FilterBackend(filters.DjangoFilterBackend):  # type: ignore[misc]
    """Filters a list by the parameters of the request, all of which must be known."""

    filterset_base = FilterSet

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        chosen = self.get_filterset(request, queryset, view)
        check_parameters(request, {*(chosen.filters if chosen else ()), *OF_LISTS})
        return super().filter_queryset(request, queryset, view)

"""The API as its description has it, on a real web server; `make fuzz-api` is the long form of this."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework import serializers

from tests.analytics.features.galaxy.test_servers import url
from tests.fuzzing import by_schema, odd_requests
from tests.world import api_world


@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
def test_no_case_of_the_short_run_brings_what_the_description_does_not_say() -> None:
    keys = api_world.fill()
    with by_schema.server(url()) as address:
        outcome = by_schema.run(address, keys, cases=2, phases="fuzzing")
    assert outcome.well, outcome.report
    assert outcome.cases > 40


def test_the_description_is_valid_and_nothing_in_it_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")
    assert "Warning" not in capsys.readouterr().err


def test_a_field_that_may_be_null_is_described_so() -> None:
    """Otherwise programs that are generated from the description break when they read it."""
    odd_requests.schema()  # This loads all serializers.
    wrong = [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind in kinds(serializers.Serializer)
        for name, field in getattr(kind, "_declared_fields", {}).items()
        if field.default is None and not field.allow_null and not field.write_only
    ]
    assert not wrong


def kinds(base: type[Any]) -> Iterator[type[Any]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)

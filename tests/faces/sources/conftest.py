"""Fixtures of the tests of pictures from buckets, whose devices have a bucket."""

from collections.abc import Iterator
from typing import Any

import pytest

from devices.models import Device
from tests.faces.sources.amazon import Amazon, with_bucket
from tests.programs.aws import Moto, moto


@pytest.fixture
def seattle01(seattle01: Device) -> Device:
    return with_bucket(seattle01)


@pytest.fixture
def chicago01(chicago01: Device) -> Device:
    return with_bucket(chicago01)


@pytest.fixture(scope="module")
def server() -> Iterator[Moto]:
    with moto() as server:
        yield server


@pytest.fixture
def amazon(server: Moto, tmp_path: Any, settings: Any) -> Amazon:
    settings.MEDIA_ROOT = tmp_path
    server.reset()
    return Amazon()

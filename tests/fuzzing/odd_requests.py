"""Requests as nobody sends them in good faith: odd values in every parameter, field and part of every address."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from django.http import QueryDict
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tests.end_to_end import walk

ODD_VALUES = {
    "NUL": "%00",
    "half a surrogate pair": "%ED%A0%80",
    "not UTF-8": "%FF",
    "the year 1": quote("0001-01-01T00:00:00+14:00"),
    "the year 9999": quote("9999-12-31T23:59:59-14:00"),
    "a day of the year 1": "0001-01-01",
    "a day of the year 9999": "9999-12-31",
    "5,000 digits": "9" * 5_000,
    "more than 64 bits": str(2**63),
    "less than nothing": "-1",
    "not a number": "NaN",
    "nothing": "",
    "a bracket": quote("["),
}

FIRST_ROW = {"pk": "1", "id": "1", "slug": "seattle", "site": "seattle", "name": "Seattle01", "token": "t"}
"""What stands for each part of an address."""

OF_DEVICES = re.compile(r"/api/v1/(messages|agent|device-models)/")
"""Addresses that are requested with a device's token; the others are requested with a person's."""


VARIABLE = re.compile(r"(?<=/)(seattle|Seattle01|\d+|[0-9a-f]{32}|[0-9a-f-]{36})(?=/)")
"""The parts of an address that name a row."""

ODD_BODIES = {
    "half a surrogate pair": b'{"name": "\\ud800", "kind": "log", "payload": "\\ud800"}',
    "NUL": b'{"name": "\\u0000", "site": "\\u0000", "reason": "a\\u0000b"}',
    "5,000 digits": b'{"name": %b, "into": %b, "taken_at": %b}' % ((b"9" * 5_000,) * 3),
    "deep": b'{"faces": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 objects": b"[" + b"{}," * 99_999 + b"{}]",
    "200,000 numbers": b'{"area": [' + b"1," * 199_999 + b"1]}",
    "the year 1": b'{"taken_at": "0001-01-01T00:00:00+14:00", "signed_at": "0001-01-01T00:00:00+14:00"}',
    "the year 9999": b'{"taken_at": "9999-12-31T23:59:59-14:00", "expires_at": "9999-12-31T23:59:59-14:00"}',
    "not UTF-8": b'{"name": "\xff"}',
    "a number": b"1",
    "nothing": b"",
    "null": b"null",
    "cut off": b'{"name": "Ad',
    "not finite": b'{"area": [NaN, Infinity, 1e999]}',
}


@cache
def schema() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-any-return]


def writing() -> Iterator[tuple[str, str]]:
    """Yield method and address of each operation of the API that writes."""
    for path, operations in schema()["paths"].items():
        for method in ("post", "put", "patch"):
            if method in operations:
                yield method, _usual(path)


def routes() -> Iterator[str]:
    """Yield an address of each route of the API."""
    return map(_usual, schema()["paths"])


def _usual(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: FIRST_ROW.get(part[1], "1"), path)


@cache
def _operations() -> list[tuple[str, list[str]]]:
    """Return the path of each operation of the API that reads, and the names of its parameters."""
    return [
        (path, [each["name"] for each in operations["get"].get("parameters", []) if each["in"] == "query"])
        for path, operations in schema()["paths"].items()
        if "get" in operations
    ]


def of_the_api(value: str) -> Iterator[str]:
    """Yield addresses of the API in which one part, or one parameter, has this value, which is quoted already."""
    for _, with_value in api_places():
        yield with_value(value)


def api_places() -> Iterator[tuple[str, Callable[[str], str]]]:
    """Yield the path of each place of the API where a value stands, and a function of the value.

    The function returns the address with the quoted value in that place: a parameter, or a part of the path.
    """
    for path, parameters in _operations():
        for name in parameters:
            yield path, lambda value, path=path, name=name: f"{_usual(path)}?{quote(name)}={value}"  # type: ignore[misc]
        if "{" in path:
            yield path, lambda value, path=path: re.sub(r"\{\w+\}", lambda _: value or "0", path)  # type: ignore[misc]


def pages(world: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield method and address of each page and form; `world` is that of access_world.py."""
    for name, method in walk.routes():
        address = walk.address(name, world)
        if not address.startswith("/api/"):
            yield method, address


def of_page(client: Client, method: str, address: str) -> Iterator[tuple[str, Callable[[str], tuple[str, str]]]]:
    """Yield each place of a request to this page where a value stands, and a function of the value.

    The function returns the address and the body with the quoted value in that place. The places are the variable parts
    of the address, and the parameters or fields that the page reads: what it reads is noted while it is asked for.
    """
    with _noted_names() as names:
        send(client, method, address, "")
    for name in sorted(names - {"csrfmiddlewaretoken"}):
        if method == "get":
            yield name, lambda value, name=name: (f"{address}?{quote(name)}={value}", "")  # type: ignore[misc]
        else:
            yield name, lambda value, name=name: (address, f"{quote(name)}={value}")  # type: ignore[misc]
    for part in VARIABLE.findall(address):
        yield part, lambda value, part=part: (address.replace(f"/{part}/", f"/{value or '-'}/", 1), "")  # type: ignore[misc]


def send(client: Client, method: str, address: str, body: str) -> int:
    """Send the request, undo what it changed, and return the status."""
    with walk.undone():
        if method == "get":
            return int(sent(client, address).status_code)
        answer = getattr(client, method)(address, body, content_type="application/x-www-form-urlencoded")
        return int(answer.status_code)


@contextmanager
def _noted_names() -> Iterator[set[str]]:
    """Note the names under which views look for a parameter or field, until the block ends."""
    names: set[str] = set()
    with ExitStack() as patches:
        for method in ("get", "getlist", "__getitem__", "__contains__"):
            patches.enter_context(patch.object(QueryDict, method, _noting(names, getattr(QueryDict, method))))
        yield names


def _noting(names: set[str], look: Callable[..., Any]) -> Callable[..., Any]:
    def noting(self: QueryDict, name: str, *others: Any, **more: Any) -> Any:
        names.add(name)
        return look(self, name, *others, **more)

    return noting


def sent(client: Any, address: str, headers: Mapping[str, str] | None = None) -> Any:
    """Send a GET of the address as it is written, with its escapes."""
    path, _, query = address.partition("?")
    return client.get(path, QUERY_STRING=query, headers=headers)

"""Requests as nobody sends them in good faith: odd values for every parameter of every address that can be read."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from drf_spectacular.generators import SchemaGenerator

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

OF_PAGES = {
    "": ["place", "period", "from", "to", "by", "at"],
    "sites/": ["by"],
    "sites/seattle/": ["days", "to", "hours", "label"],
    "sites/seattle/plots/": ["days", "to", "hours", "label"],
    "sites/seattle/devices/Seattle01/": ["days", "to", "hours", "label"],
    "sites/seattle/devices/Seattle01/plots/": ["days", "to", "hours", "label"],
    "compare/": ["place", "days", "to", "hours", "by", "label"],
    "review/": ["site", "device", "label", "show", "least", "most", "before", "days", "to"],
    "questions/": ["page", "site"],
    "leaderboard/": ["site", "period"],
    "leaderboard/screen/": ["site", "period"],
    "account/": ["name"],
    "sites/seattle/devices/Seattle01/ground-truth/": ["page"],
    "login/": ["next"],
}
"""The addresses of pages, and the parameters that they read, or other pages do."""

OF_FORMS = {
    "review/": {"verdict": "wrong", "detection": "1"},
    "account/": {"name": "a", "days": "1"},
    "sites/seattle/members/": {"email": "a@example.com", "role": "viewer"},
    "sites/seattle/members/1/": {"role": "viewer"},
    "sites/seattle/questions/new/": {
        "text": "a",
        "asked_from": "2026-11-20T09:00",
        "asked_until": "2026-11-20T10:00",
        "yes_label": "thumbs-up",
        "no_label": "thumbs-down",
    },
    "sites/seattle/devices/Seattle01/ground-truth/": {"position": "a", "note": "a"},
}
"""The addresses of pages with a form, and a valid value for each field."""


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
    for path, parameters in _operations():
        for name in parameters:
            yield f"{_usual(path)}?{quote(name)}={value}"
        if "{" in path:
            yield re.sub(r"\{\w+\}", lambda _: value or "0", path)


def of_pages(value: str) -> Iterator[str]:
    """Yield addresses of pages in which one parameter, or one part of the path, has this value."""
    for path, parameters in OF_PAGES.items():
        yield from (f"/{path}?{name}={value}" for name in parameters)
        for part in ("seattle", "Seattle01"):
            if part in path and value:
                yield f"/{path.replace(part, value)}"


def of_forms(value: str) -> Iterator[tuple[str, str]]:
    """Yield address and body of forms in which one field has this value, and the others valid ones."""
    for path, fields in OF_FORMS.items():
        for odd in fields:
            values = {name: value if name == odd else quote(usual) for name, usual in fields.items()}
            yield f"/{path}", "&".join(f"{name}={text}" for name, text in values.items())


def sent(client: Any, address: str, headers: Mapping[str, str] | None = None) -> Any:
    """Send a GET of the address as it is written, with its escapes."""
    path, _, query = address.partition("?")
    return client.get(path, QUERY_STRING=query, headers=headers)

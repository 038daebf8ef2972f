"""Reads the bodies of requests to the API, within limits that hold before anything is parsed."""

import re
from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.parsers import JSONParser as FrameworksJSONParser

from devices.rest import posted

MOST_VALUES = 100_000
"""Values in one body of JSON. The API's largest body has some hundred values, beside the text of a picture."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class TooLarge(APIException):
    """The body of the request is too large."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class JSONParser(FrameworksJSONParser):
    """Parses JSON strictly: UTF-8, finite numbers of usual length, whole characters, no NUL, and not too deep."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = read_within_limit(stream)
        if sum(map(body.count, (b"{", b"[", b","))) > MOST_VALUES:
            raise TooLarge(f"The body has more than {MOST_VALUES:,} values.")
        if _NUL.search(body):
            raise ParseError("A text in the body contains the character NUL.")
        try:
            return msgspec.json.decode(body)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not JSON that can be read: {error}.") from None


class MessagesParser(BaseParser):
    """Parses a list of messages into `posted.Posted`, each byte for byte."""

    media_type = "application/json"

    def parse(  # type: ignore[override]
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> list[posted.Posted]:
        try:
            return posted.messages_in(read_within_limit(stream))
        except posted.NotMessages as error:
            raise ParseError(str(error)) from None
        except posted.TooMany as error:
            raise TooLarge(str(error)) from None


def read_within_limit(stream: IO[Any]) -> bytes:
    """Return the body. Raises `TooLarge` without reading more than the limit for all bodies."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body: bytes = stream.read(most + 1)
    if len(body) > most:
        raise TooLarge(f"The body of a request has at most {most:,} bytes.")
    return body

"""Refuses a request whose body is too large before anything of the body is read, parsed or written to a file.

A proxy such as nginx may do the same; this holds without one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve

from devices.pages.errors import problem

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large the body of a request to one view may be."""

    bytes: int
    advice: str
    """What to do with more, as a sentence."""


def limits_body(limit: BodyLimit) -> Callable[[Handler], Handler]:
    """Decorate a view, or an action of a viewset, that takes larger bodies than `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    def decorate(view: Handler) -> Handler:
        view.body_limit = limit  # type: ignore[attr-defined]
        return view

    return decorate


def refuse_large_bodies(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Middleware: answer 413 to a request whose body is longer than its view takes, and 411 to one of unknown length.

    Django would parse a form of any length, with its files, before the view is called, and would read no body whose
    length it is not told.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in request.META or not length.isdecimal():
            return _refused(
                request, HTTPStatus.LENGTH_REQUIRED, "Send the length of the body in the header Content-Length."
            )
        if int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return get_response(request)
        limit = _limit_of(request)
        if int(length) <= limit.bytes:
            return get_response(request)
        sentence = f"The body of a request to this address has at most {limit.bytes:,} bytes. {limit.advice}"
        return _refused(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence.strip())

    return respond


def _limit_of(request: HttpRequest) -> BodyLimit:
    """Return the limit of the request's view. On pages, only those who have signed in may send more than usual."""
    usual = BodyLimit(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "")
    try:
        view: Any = resolve(request.path_info).func
    except Resolver404:
        return usual
    if actions := getattr(view, "actions", None):
        view = getattr(view.cls, actions.get(str(request.method).lower(), ""), None)
    elif not request.user.is_authenticated:
        return usual
    limit: BodyLimit = getattr(view, "body_limit", usual)
    return limit


def _refused(request: HttpRequest, status: HTTPStatus, sentence: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem(status, sentence)
    return render(request, "devices/refused.html", {"reason": sentence}, status=status)

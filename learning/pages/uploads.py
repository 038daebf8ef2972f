"""Refuses an upload that is too large before its body is read."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from learning.datasets.uploads import MAX_UPLOAD_BYTES, TOO_LARGE, body_bytes

View = Callable[..., HttpResponse]


def bounded_upload(view: View) -> View:
    """Have the view refuse a request whose body is too large. The check of the CSRF token would read the body."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if body_bytes(request) > MAX_UPLOAD_BYTES:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return render(request, "learning/refused.html", {"reason": TOO_LARGE}, status=status)
        response: HttpResponse = protected(request, *args, **kwargs)
        return response

    return respond

"""The pages for an address that does not exist, and for a request that the server could not answer."""

import sys
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import Resolver404

from devices.faults.outages import is_of_an_outage

RETRY_AFTER_S = 10
"""When a client may try again while the database is away."""


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page of a 404, with the sentence of the view that raised it. The resolver and queries have none."""
    text = str(exception)
    is_ours = isinstance(exception, Http404) and not isinstance(exception, Resolver404)
    sentence = text if is_ours and text and not text.endswith("matches the given query.") else ""
    return render(request, "404.html", {"sentence": sentence}, status=HTTPStatus.NOT_FOUND)


def problem(status: HTTPStatus, detail: str) -> JsonResponse:
    """Return an error of the API as problem details, where Django answers instead of the API's views."""
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def server_error(request: HttpRequest) -> HttpResponse:
    """Return a 503 while the database is away, and a 500 for other errors; under `/api/` as problem details."""
    away = is_of_an_outage(sys.exc_info()[1])
    status = HTTPStatus.SERVICE_UNAVAILABLE if away else HTTPStatus.INTERNAL_SERVER_ERROR
    response: HttpResponse
    if request.path.startswith("/api/"):
        detail = (
            "The database does not respond. Nothing of this request was stored; send it again later."
            if away
            else "The server made an error. Its log contains the details."
        )
        response = problem(status, detail)
    else:
        response = HttpResponse(render_to_string(f"{status:d}.html"), status=status)
    if away:
        response["Retry-After"] = str(RETRY_AFTER_S)
    return response

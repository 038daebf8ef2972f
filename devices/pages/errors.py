"""The page for an address that does not exist: it says why, where a view has said why."""

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page of a 404, with the sentence of the view that raised it. The resolver and queries have none."""
    text = str(exception)
    is_ours = isinstance(exception, Http404) and not isinstance(exception, Resolver404)
    sentence = text if is_ours and text and not text.endswith("matches the given query.") else ""
    return render(request, "404.html", {"sentence": sentence}, status=HTTPStatus.NOT_FOUND)

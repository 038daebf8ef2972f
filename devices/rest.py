"""What all parts of the REST API share: scoping, and errors that name the field."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import exceptions, status, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler


class ScopedReadOnlyViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    """Reads of a model whose manager has `for_user()`; another site's object is a 404."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().for_user(self.request.user)  # type: ignore[attr-defined, no-any-return]


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """RFC 9457 problem details: `title`, `status`, `detail`, and `errors` by field."""
    response = exception_handler(error, context)
    if response is None:
        return None
    # Whatever was asked for, a problem is JSON.
    context["request"].accepted_renderer = JSONRenderer()
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": status_title(response.status_code),
        "status": response.status_code,
    }
    if isinstance(error, exceptions.ValidationError) and isinstance(response.data, dict):
        problem["detail"] = "Some fields are wrong; `errors` names them."
        problem["errors"] = response.data
    elif isinstance(response.data, dict):
        problem["detail"] = str(response.data.get("detail", ""))
    else:
        problem["detail"] = " ".join(map(str, response.data))
    response.data = problem
    response.content_type = "application/problem+json"
    return response


def status_title(code: int) -> str:
    return next(
        (
            name.split("_", 2)[2].replace("_", " ").capitalize()
            for name in vars(status)
            if name.startswith(f"HTTP_{code}")
        ),
        "Error",
    )

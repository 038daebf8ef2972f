"""What all views of the REST API share: rows of the user's own sites, lists as files, and errors as problem details."""

import tempfile
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, status, viewsets
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer, as_serializer_error
from rest_framework.views import exception_handler

from devices.audit.recording import record_export
from devices.models import Site
from devices.rest import exports
from devices.rest.formats import ParquetRenderer, XLSXRenderer
from devices.rest.parsing import TooLarge
from devices.rest.throttling import refused_too_often

if TYPE_CHECKING:
    from devices.models import User

FILES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": ParquetRenderer.media_type,
    "xlsx": XLSXRenderer.media_type,
}
"""The media types of the formats in which a list can be one file of all its rows."""


class ScopedReadOnlyViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    """Lists and returns the rows of a model that the user may see; any other row is a 404.

    A list is sent in pages as JSON. As CSV, Parquet or Excel it is sent in pages too, or whole, in the order of the
    primary key, where `exports_whole_list` is set.
    """

    exports_whole_list = False
    audited_as = ""
    """What the audit calls the rows when somebody exports them; "" for rows that are not of people."""
    export_instead: Mapping[str, str] = {}
    """For each field of the serializer that Python computes: the model's field to write into a file in its place."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().for_user(self.request.user)  # type: ignore[attr-defined, no-any-return]

    def get_object(self) -> Any:
        if any("\x00" in str(part) for part in self.kwargs.values()):
            # No row's key contains this character, and PostgreSQL raises an error if it is looked up.
            raise exceptions.NotFound
        return super().get_object()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        kind = getattr(request.accepted_renderer, "format", "json")
        if kind in FILES and self.exports_whole_list:
            return self._exported(kind)
        return super().list(request, *args, **kwargs)

    def with_older_rows(self, columns: exports.Columns, rows: exports.Rows) -> exports.Rows:
        """Return the rows of an export: those of the database, with those of the list that are kept elsewhere."""
        return rows

    def _exported(self, kind: str) -> HttpResponseBase:
        queryset = self.filter_queryset(self.get_queryset())
        if self.audited_as:
            seen = queryset.order_by().values(f"{queryset.site_path}__pk").distinct()  # type: ignore[attr-defined]
            sites = Site.objects.filter(pk__in=seen)
            record_export(by=cast("User", self.request.user), subject=self.audited_as, sites=sites)
        columns = exports.columns_of(cast("Serializer[Any]", self.get_serializer()), self.export_instead)
        found = self.with_older_rows(columns, exports.rows_of(queryset, columns))
        rows = exports.spread(list(columns), found)
        names = exports.spread_names(columns)
        pieces = exports.pieces_of(kind, rows, names, lambda: exports.schema_of(queryset, columns))
        return send_file(
            self.request,
            pieces,
            kind,
            exports.file_name(exports.list_name(self.request.path), self.request.query_params.dict(), kind),
        )


def send_file(request: Request | HttpRequest, pieces: Iterable[bytes], kind: str, name: str) -> HttpResponseBase:
    """Return the pieces as a download of this name, of a kind in `FILES`. They are sent while they are made."""
    if request.META.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return _with_length(pieces, FILES[kind], name)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(pieces, content_type=FILES[kind], headers=headers)


def _with_length(pieces: Iterable[bytes], content_type: str, name: str) -> FileResponse:
    """Return the pieces with their length, which a response by HTTP/1.0 needs: it has no other end mark.

    A proxy that speaks HTTP/1.0 to the web server would otherwise pass on an export that broke off as a whole one. The
    pieces are kept in an unnamed file meanwhile.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
    for piece in pieces:
        file.write(piece)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=content_type)


@extend_schema(exclude=True)
@api_view(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@permission_classes([AllowAny])
def no_such_address(request: Request) -> HttpResponseBase:
    """The view of every address under `/api/` that no other view has: a 404 as problem details.

    A browser that reads an address without the slash at its end is sent to the address with it. What is written there
    would be lost on that way.
    """
    if not request.path.endswith("/"):
        if request.method in ("GET", "HEAD"):
            return HttpResponseRedirect(request.get_full_path(force_append_slash=True))
        raise exceptions.NotFound(f"Addresses of the API end with a slash: write {request.path}/")
    raise exceptions.NotFound(f"The API has no address {request.path}. See /api/docs/ for its addresses.")


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the error as problem details (RFC 9457): `title`, `status`, `detail`, and `errors` by field."""
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        error = refused_too_often(context["request"], context["view"]) or error
    if isinstance(error, RequestDataTooBig):
        error = TooLarge(f"The body of a request has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")
    elif isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(as_serializer_error(error))
    elif isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError(f"The request cannot be read: {error}")
    response = exception_handler(error, context)
    if response is None:
        return None
    # A problem is JSON, whatever format the request asked for.
    renderer = JSONRenderer()
    context["request"].accepted_renderer, context["request"].accepted_media_type = renderer, renderer.media_type
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": status_title(response.status_code),
        "status": response.status_code,
    }
    if isinstance(error, exceptions.ValidationError) and isinstance(response.data, dict):
        problem["detail"] = "Some fields are wrong. `errors` says what is wrong with each."
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

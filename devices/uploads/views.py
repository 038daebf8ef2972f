"""A device's way to bring pictures that are too large for a message; `uploading.py` says what it means."""

from typing import Any, cast

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from devices.intake.decoding import SetAside
from devices.models import Device, Upload
from devices.rest.authentication import DeviceTokenAuthentication, IsDevice
from devices.rest.serializers import AnnouncedUploadSerializer, UploadSerializer
from devices.uploads import pieces, uploading
from devices.uploads.pieces import Readable

OFFSET = "Upload-Offset"
PIECE = "application/offset+octet-stream"
"""As the header, a word of the tus protocol, whose core this is."""


class PieceParser(BaseParser):
    """Leaves the bytes where they are, to be read as they come."""

    media_type = PIECE

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class NeverTaken(APIException):
    """The picture is refused for good; announcing it again is no use."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class UploadViewSet(ViewSet):
    """Brings pictures of up to 5 MiB, for devices with their tokens; goes on where a connection broke."""

    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [IsDevice]
    parser_classes = [JSONParser, PieceParser]

    @extend_schema(
        request=AnnouncedUploadSerializer, responses={200: UploadSerializer, 201: UploadSerializer, 422: None}
    )
    def create(self, request: Request) -> Response:
        """Announce a picture, as often as you like: the answer says what is to be done, 201 that it is taken in."""
        serializer = AnnouncedUploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        announced = uploading.Announced(**serializer.validated_data)
        try:
            upload = uploading.announce(device=cast(Device, request.auth), announced=announced, now=timezone.now())
        except SetAside as reason:
            raise NeverTaken(str(reason)) from None
        done = upload.taken_in_at is not None
        return Response(_next_step(upload), status.HTTP_201_CREATED if done else status.HTTP_200_OK)

    @extend_schema(
        request={PIECE: OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH),
            OpenApiParameter(OFFSET, int, OpenApiParameter.HEADER, required=True),
        ],
        responses={204: None, 409: None},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Send the bytes from `Upload-Offset` on; the answer's `Upload-Offset` says how many are here then.

        409 where others are expected next. What has arrived is kept though the connection breaks.
        """
        upload = get_object_or_404(Upload.objects.filter(device=cast(Device, request.auth)), pk=pk)
        offset, length = _number(request, OFFSET), _number(request, "Content-Length")
        if upload.taken_in_at is not None or not pieces.takes_pieces():
            return _conflict("This picture is not brought in pieces, or is here already; announce it again.")
        if offset + length > upload.size:
            raise ValidationError({OFFSET: f"The picture was announced with {upload.size:,} bytes, not more."})
        try:
            here = pieces.append(upload, cast(Readable, request.data), offset=offset, length=length)
        except pieces.CannotAppend as error:
            return _conflict(str(error), error.arrived)
        return Response(status=status.HTTP_204_NO_CONTENT, headers={OFFSET: str(here)})


def _next_step(upload: Upload) -> dict[str, Any]:
    known = {"id": str(upload.pk), "taken_in": upload.taken_in_at is not None}
    if upload.taken_in_at is not None:
        return known
    if not pieces.takes_pieces():
        url, headers = pieces.presigned(upload)
        return {**known, "method": "PUT", "url": url, "headers": headers, "offset": 0}
    here = pieces.arrived(upload)
    # Without a host: the device knows best by which name it reaches us.
    url = reverse("upload-detail", args=[upload.pk])
    return {
        **known,
        "method": "PATCH",
        "url": url,
        "headers": {"Content-Type": PIECE, OFFSET: str(here)},
        "offset": here,
    }


def _conflict(sentence: str, here: int | None = None) -> Response:
    problem = {"type": "about:blank", "title": "Conflict", "status": status.HTTP_409_CONFLICT, "detail": sentence}
    headers = None if here is None else {OFFSET: str(here)}
    return Response(problem, status.HTTP_409_CONFLICT, headers=headers, content_type="application/problem+json")


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise ValidationError({header: "Give a whole number of bytes in this header."})
    return int(text)

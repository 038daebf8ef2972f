"""The responses with the pictures of captures."""

import uuid
from typing import TYPE_CHECKING, cast

from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from devices.audit.recording import record_look
from devices.models import Device
from faces.models import Capture
from faces.pictures import links, storage

if TYPE_CHECKING:
    from devices.models import User

CACHED_PRIVATELY = {"Cache-Control": f"private, max-age={links.LIFETIME.seconds}"}


@require_safe
def capture_image(request: HttpRequest, pk: uuid.UUID, link: str) -> FileResponse:
    """Return the capture's picture for a link of this session; 404 for users without access to its site."""
    captures = Capture.objects.all().for_user(request.user).select_related("device__site")
    capture = get_object_or_404(captures, pk=pk)
    return picture_response(request, capture, link)


def picture_response(request: HttpRequest | Request, capture: Capture, link: str) -> FileResponse:
    """Return the picture as a JPEG. Browsers may cache it as long as the link is valid, shared caches never.

    Raises `Http404` if the link is not valid or the picture was removed.
    """
    if not links.is_valid(link, capture.pk, bearer=links.bearer(request), now=timezone.now()):
        raise Http404(links.EXPIRED)
    try:
        file = storage.open_picture(capture)
    except FileNotFoundError:
        raise Http404("The picture has been removed.") from None
    record_look_at_pictures(request, capture.device)
    return FileResponse(file, content_type="image/jpeg", headers=CACHED_PRIVATELY)


def record_look_at_pictures(request: HttpRequest | Request, device: Device) -> None:
    """Record in the audit that the user looked at pictures of this device; once an hour."""
    user = cast("User", request.user)
    record_look(by=user, subject="pictures", site=device.site, number=device.pk, label=device.name)

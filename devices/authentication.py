"""How a device shows who it is over HTTP."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from devices.models import Device
from devices.services import token_digest


class DeviceTokenAuthentication(BaseAuthentication):
    """`Authorization: Device <token>`; the request's `auth` is then the `Device` and its user is anonymous."""

    keyword = "Device"

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Device] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword.lower().encode():
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Give the device's token as “Authorization: Device <token>”.")
        digest = token_digest(words[1].decode("latin-1"))
        device = Device.objects.select_related("site").filter(token_digest=digest).first()
        if device is None:
            raise AuthenticationFailed("No device has this token; issue a new one in the admin.")
        return AnonymousUser(), device

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class IsDevice(BasePermission):
    """Only requests that carry a device's token."""

    message = "Only a device may do this, with its token."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Device)


class DeviceTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = DeviceTokenAuthentication
    name = "deviceToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Device <token>"}

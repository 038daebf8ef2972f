"""Authentication of programs over HTTP: by the API token of a user, or by the token of a device."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from devices.models import ApiToken, Thing
from devices.services import record_use, token_digest

if TYPE_CHECKING:
    from devices.models import User


class _TokenAuthentication(BaseAuthentication):
    """Reads `Authorization: <keyword> <token>`, and ignores a header with another keyword."""

    keyword: str
    explanation: str

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword.lower().encode():
            return None
        if len(words) != 2:
            raise AuthenticationFailed(f"Give the token as “Authorization: {self.keyword} <token>”.")
        holder = self.holder(token_digest(words[1].decode("latin-1")))
        if holder is None:
            raise AuthenticationFailed(self.explanation)
        return holder

    def holder(self, digest: str) -> tuple[Any, Any] | None:
        """Return the request's `user` and `auth`; None if there is no token with this digest."""
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class ApiTokenAuthentication(_TokenAuthentication):
    """`Authorization: Token <token>`; the request's `auth` is then the `ApiToken`."""

    keyword = "Token"
    explanation = "There is no such token; it was revoked or has expired. Make a new one on your account page."

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is not None and found[1].only_reads and request.method not in SAFE_METHODS:
            raise PermissionDenied("This token may only read. Make one that may change things on your account page.")
        return found

    def holder(self, digest: str) -> tuple["User", ApiToken] | None:
        now = timezone.now()
        token = ApiToken.objects.select_related("user").filter(token_digest=digest, user__is_active=True).first()
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        record_use(token=token, now=now)
        return token.user, token


class DeviceTokenAuthentication(_TokenAuthentication):
    """`Authorization: Device <token>`; the request's `auth` is then the `Thing` and its user is anonymous."""

    keyword = "Device"
    explanation = "No device has this token. Issue a new one in the admin."

    def holder(self, digest: str) -> tuple[AnonymousUser, Thing] | None:
        thing = Thing.objects.filter(token_digest=digest).first()
        return None if thing is None else (AnonymousUser(), thing)


class IsDevice(BasePermission):
    """Allows only requests with a device's token."""

    message = "Only a device may do this. Send the device's token as “Authorization: Device <token>”."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Thing)


class ApiTokenScheme(OpenApiAuthenticationExtension):
    target_class = ApiTokenAuthentication
    name = "apiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return _described(ApiTokenAuthentication.keyword)


class DeviceTokenScheme(OpenApiAuthenticationExtension):
    target_class = DeviceTokenAuthentication
    name = "deviceToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return _described(DeviceTokenAuthentication.keyword)


def _described(keyword: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": "Authorization", "description": f"{keyword} <token>"}

"""Who may change something at a site, by the API."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from devices.models import Membership, Role, Site


def check_operator(request: Request, site: Site) -> None:
    """Raises `PermissionDenied` unless the user is more than a viewer of the site."""
    if request.user.is_superuser:
        return
    roles = Membership.objects.filter(user=request.user, site=site)  # type: ignore[misc]
    if not roles.exclude(role=Role.VIEWER).exists():
        raise PermissionDenied(f"You may look at {site}, but not change anything there.")

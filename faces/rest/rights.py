"""The check of who may change data of a site through the API."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from devices.models import Site
from devices.rules.roles import Right, those_with


def check_operator(request: Request, site: Site) -> None:
    """Raise `PermissionDenied` unless the user may operate the site."""
    if not site.allows(request.user, Right.OPERATE):
        raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {site} may change its data.")

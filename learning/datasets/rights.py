"""Who may change data sets, runs and the models of devices."""

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from devices.models import Site
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User


def check_operator(site: Site, by: "User") -> None:
    """Raise `PermissionDenied` with a sentence unless the user may operate the site."""
    if not site.allows(by, Right.OPERATE):
        raise PermissionDenied(f"Only operators and owners of {site} may change its data sets and models.")

"""Whether a user may open a page of a site, and change what it shows."""

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404

from devices.models import Site
from devices.rules.roles import Right, those_with

if TYPE_CHECKING:
    from devices.models import User


def find_site(user: "User", slug: str) -> Site:
    """Return the user's site with this slug. Raises `Http404`, also for a site that the user may not see."""
    site: Site | None = Site.objects.for_user(user).filter(slug=slug).first()
    if site is None:
        raise Http404(f"You have no site “{slug}”.")
    return site


def find_site_with(user: "User", slug: str, right: Right) -> Site:
    """Return the user's site with this slug, at which the user has this right.

    Raises `Http404` as `find_site` does, and `PermissionDenied` as `check_right` does.
    """
    site = find_site(user, slug)
    check_right(user, site, right)
    return site


def check_right(user: "User", site: Site, right: Right) -> None:
    """Raise `PermissionDenied` with a sentence that names who may, unless the user has this right at the site."""
    if right not in site.rights_of(user):
        raise PermissionDenied(f"Only {those_with(right)} of {site} may {right.value}.")

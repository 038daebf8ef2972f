"""Makes a wall and opens it on the screen that waits with a code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse

from analytics.features.galaxy.boards.board import Scope, find_boards
from analytics.features.galaxy.serving import pairing, services
from analytics.models.walls import WallToken
from devices.models import Site

if TYPE_CHECKING:
    from devices.models import User

LANDSCAPE = "landscape"
SHAPES = {"portrait": "upright", LANDSCAPE: "landscape"}
"""A landscape screen shows three upright ones side by side: they have its proportions."""

LANDSCAPE_SCREENS = 3

ALL = "all"
"""Stands for all sites of a token in the address of its walls."""


@transaction.atomic
def pair_screen(
    *, code: str, name: str, sites: Sequence[Site], boards: Sequence[str], shape: str, by: "User", where: str = ""
) -> WallToken:
    """Have the screen that shows this code open a new wall of these sites. `where` stands for them in its address.

    Raises `ValidationError` with a sentence if the name, a board or the shape is wrong, or if no screen shows the code;
    `PermissionDenied` with a sentence unless `by` operates each of the sites.
    """
    where = where or (sites[0].slug if len(sites) == 1 else ALL)
    found = find_boards("+".join(boards)) if boards else None
    refused = Scope.ONE_SITE if where == ALL else Scope.ALL_SITES
    if found is None or found.scope is refused or shape not in SHAPES:
        raise ValidationError("Choose what the screen shows, and whether it is upright or landscape.")
    clean = pairing.clean(code)
    if not pairing.is_open(clean):
        raise ValidationError("No screen shows this code now. Read it again from the screen: it changes.")
    made, token = services.create_wall_token(name=name, sites=sites, by=by)
    names = {"token": token, "site": where, "board": found}
    is_wide = shape == LANDSCAPE
    address = (
        reverse("wall-whole", kwargs={**names, "of": LANDSCAPE_SCREENS}) if is_wide else reverse("wall", kwargs=names)
    )
    pairing.pair(clean, address)
    return made

"""Who may do what at a site: the roles, and what each of them is allowed. What is not listed here is not allowed."""

import enum

from django.db import models


class Role(models.TextChoices):
    """What a member is at a site."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


class Right(enum.Enum):
    """What somebody may do at a site beyond looking at it."""

    OPERATE = "change the site's devices, people, pictures, questions, reviews, counts and walls"
    DECIDE_ON_FACES = "decide what the site does with faces"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset(),
    Role.OPERATOR: frozenset({Right.OPERATE}),
    Role.OWNER: frozenset({Right.OPERATE, Right.DECIDE_ON_FACES}),
}
"""A new role is a line here, and one in `Role`."""


def roles_with(right: Right) -> list[Role]:
    """The roles that have this right."""
    return [role for role, rights in RIGHTS.items() if right in rights]

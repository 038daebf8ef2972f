"""Which roles a member of a site can have, and the rights that each role gives. What is not listed is not allowed."""

import enum

from django.db import models


class Role(models.TextChoices):
    """What a member is at a site."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


class Right(enum.Enum):
    """What a member can be allowed to do at a site."""

    SEE = "see what the site's devices report"
    OPERATE = "change the site's devices, people, pictures, questions, reviews, counts and walls"
    DECIDE_ON_FACES = "decide what the site does with faces"
    MANAGE = "change the site's settings and members, and read its history"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.OPERATOR: frozenset({Right.SEE, Right.OPERATE}),
    Role.OWNER: frozenset({Right.SEE, Right.OPERATE, Right.DECIDE_ON_FACES, Right.MANAGE}),
}
"""The rights of each role. A new role needs a line in `Role` and a line here."""


def rights_of_role(role: str | None) -> frozenset[Right]:
    """Return the rights of the role. A role that is missing in `RIGHTS` has none."""
    return next((rights for known, rights in RIGHTS.items() if known == role), frozenset())


def roles_with(right: Right) -> list[Role]:
    """Return the roles that give this right. A role that is stored in a membership but missing here gives none."""
    return [role for role, rights in RIGHTS.items() if right in rights]


def roles_up_to(role: Role) -> list[Role]:
    """Return the roles that give no right which this role lacks: those that its holder may give to others."""
    return [other for other in Role if RIGHTS[other] <= RIGHTS[role]]


def those_with(right: Right) -> str:
    """Return who has this right at a site, in words: “owners”, “operators and owners”."""
    names = [f"{Role(role).label.lower()}s" for role in roles_with(right)]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

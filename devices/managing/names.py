"""Names for a new camera, made from what people call it."""

import secrets

from django.core.exceptions import ValidationError
from django.core.validators import slug_re
from django.utils.text import slugify

from devices.models import Device, Site, Thing
from devices.rules.text import clean_line, validate_line

LETTERS = "abcdefghjkmnpqrstvwxyz23456789"
"""Characters that nobody confuses when reading a name aloud."""

RANDOM_LETTERS = 5
LONGEST = 60
"""Characters of a slug, so that a number or random letters still fit."""

FALLBACK = "camera"
"""For a name without any letter of A to Z or digit."""


def slug_of(called: str) -> str:
    """Return the name of a spot for what people call it, such as “front-desk” for “Front desk”.

    A name that can be a spot's name already stays as it is. Raises `ValidationError` for an empty or unprintable name.
    """
    called = clean_line(called)
    if not called:
        raise ValidationError("Give the camera a name, such as “Front desk”.")
    validate_line(called)
    if slug_re.fullmatch(called) and len(called) <= LONGEST:
        return called
    return slugify(called)[:LONGEST].strip("-_") or FALLBACK


def spot_name(site: Site, called: str) -> str:
    """Return the name of a new spot for what people call it, with a number if the site has such a spot already."""
    slug = slug_of(called)
    taken = set(Device.objects.filter(site=site, name__startswith=slug).values_list("name", flat=True))
    numbered = (slug, *(f"{slug}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in numbered if name not in taken)


def new_thing_name(spot: str) -> str:
    """Return a thing name that no thing has, such as “front-desk-k3x9p”: the spot's name and random letters."""
    while True:
        name = f"{spot[:LONGEST]}-{''.join(secrets.choice(LETTERS) for _ in range(RANDOM_LETTERS))}"
        if not Thing.objects.filter(name=name).exists():
            return name

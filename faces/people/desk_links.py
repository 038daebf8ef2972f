"""Links with a code: for people who enrol themselves from their own phones, and for a person's own page.

Whoever has the code opens the page, so only a digest of it is stored, and it ends.
"""

import datetime as dt
import secrets
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from devices.cameras.adding.codes import ALPHABET, normalised
from devices.models import Site
from devices.services import token_digest
from faces.models import ConsentTemplate, DeskLink, Person

if TYPE_CHECKING:
    from devices.models import User

CODE = 12
"""Characters of base 32: 60 bits, of which a guesser may try 60 a minute from one address."""

ENROLLING_LASTS = dt.timedelta(days=7)
OWN_PAGE_LASTS = dt.timedelta(days=30)

MOST_USES = 200
"""People who may enrol themselves by one link."""

MOST_LINKS = 2_000
"""Links of a site that open something, which bounds what its members can store."""


@transaction.atomic
def make_link(
    *,
    site: Site,
    by: "User | None",
    now: dt.datetime,
    person: Person | None = None,
    template: ConsentTemplate | None = None,
    uses: int = 1,
) -> tuple[DeskLink, str]:
    """Make a link to the page of the person, or to enrol by the template; return it and its code.

    A person's earlier links end. Raises `ValidationError` with a sentence.
    """
    DeskLink.objects.filter(site=site, expires_at__lte=now).delete()
    if person is not None:
        person.links.all().delete()
    elif template is None or template.site_id != site.pk or template.retired_at is not None:
        raise ValidationError("Choose a consent text of the site that is in force.")
    if not 1 <= uses <= MOST_USES:
        raise ValidationError(f"A link is for 1 to {MOST_USES} people.")
    if DeskLink.objects.filter(site=site).count() >= MOST_LINKS:
        raise ValidationError(f"{site} has {MOST_LINKS:,} links that open something. Revoke some of them first.")
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE))
    link = DeskLink.objects.create(
        site=site,
        person=person,
        template=None if person else template,
        code_digest=token_digest(code),
        created_by=by,
        created_at=now,
        expires_at=now + (OWN_PAGE_LASTS if person else ENROLLING_LASTS),
        uses_left=uses,
    )
    return link, shown(code)


def shown(code: str) -> str:
    """Return the code as people read it: three groups of four characters."""
    return "-".join(code[start : start + 4] for start in range(0, CODE, 4))


def find_link(*, code: str, now: dt.datetime) -> DeskLink | None:
    """Return the link with this code, however it was typed; None if there is none, or it has ended or is used up."""
    typed = normalised(code)
    if len(typed) != CODE or not set(typed) <= set(ALPHABET):
        return None
    links = DeskLink.objects.select_related("site__policy", "person__site__policy", "template__site", "created_by")
    return links.filter(code_digest=token_digest(typed), expires_at__gt=now, uses_left__gt=0).first()


def use_link(*, link: DeskLink) -> bool:
    """Take one use off the link; return whether there was one left."""
    return bool(DeskLink.objects.filter(pk=link.pk, uses_left__gt=0).update(uses_left=F("uses_left") - 1))

"""The texts that a site has people agree to, in versions: a change is a new version, and never touches a consent."""

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max

from devices.models import Site
from faces.coffees.counting import lock_site
from faces.models import ConsentTemplate

if TYPE_CHECKING:
    from devices.models import User

PROPOSAL = {
    "name": "Coffee corner",
    "purpose": "The camera at the coffee machine greets you by name and counts your coffees.",
    "text": (
        "I agree that my face is recognised for this purpose. From my photographs, numbers that describe my face are "
        "computed and kept; the photographs are deleted. When I am in a picture of a camera of this site, the picture "
        "is kept with my name for the time that the site has set, and my coffees are counted. Members of the site see "
        "both. Nothing is given to anybody else.\n\n"
        "I agree of my own free will and have no disadvantage if I do not. I can see what is kept about me, withdraw, "
        "and have everything erased at any time, by the link that I am given or at the desk. Otherwise the consent "
        "ends by itself at the end of its term."
    ),
}
"""What the form for a site's first text is filled with. An owner reads and changes it."""


@transaction.atomic
def publish_text(
    *,
    site: Site,
    name: str,
    purpose: str,
    text: str,
    method: str,
    term_days: int,
    by: "User | None",
    now: dt.datetime,
) -> ConsentTemplate:
    """Put the text in force as the next version of its name. Raises `ValidationError` if a value is wrong.

    The version before is retired; who agreed to it stays bound by what they agreed to. A text that is in force word for
    word is returned as it is.
    """
    lock_site(site)
    template = ConsentTemplate(
        site=site, name=name, purpose=purpose, text=text.strip(), method=method, term_days=term_days, number=1
    )
    template.created_by, template.created_at = by, now
    template.clean_fields()
    versions = ConsentTemplate.objects.filter(site=site, name=template.name)
    in_force: ConsentTemplate | None = versions.filter(retired_at=None).first()
    if in_force is not None and _words(in_force) == _words(template):
        return in_force
    if in_force is not None:
        retire_text(template=in_force, now=now)
    template.number = (versions.aggregate(latest=Max("number"))["latest"] or 0) + 1
    template.full_clean()
    template.save()
    return template


def retire_text(*, template: ConsentTemplate, now: dt.datetime) -> None:
    """Have nobody agree to this text from now on. Its links end."""
    template.retired_at = template.retired_at or now
    template.save(update_fields=["retired_at"])
    template.links.all().delete()


def texts_in_force(site: Site) -> list[ConsentTemplate]:
    """Return the texts that people of the site may agree to now, in the order of their names."""
    return list(ConsentTemplate.objects.filter(site=site, retired_at=None))


def _words(template: ConsentTemplate) -> tuple[str, str, str, int]:
    return template.purpose, template.text, template.method, template.term_days

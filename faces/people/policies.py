"""The policy of a site: what it does with faces, and how long it keeps pictures."""

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from devices.models import Site
from devices.rules.roles import Right
from faces.coffees.counting import lock_site
from faces.models import Consent, Method, Mode, SitePolicy
from faces.people.consent import withdraw_consent

if TYPE_CHECKING:
    from devices.models import User


TERMS = ("picture_hours", "unmatched_hours", "guest_days", "unseen_days", "contact")
"""The fields of a policy that `set_retention` sets."""


class PolicyRefused(ValueError):
    """The policy may not be set. The text is one sentence with the reason."""


def set_policy(
    *, site: Site, mode: Mode | str, confirmed_by: "User | None", now: dt.datetime | None = None
) -> SitePolicy:
    """Set the site's mode, confirmed by an owner of the site or a superuser; `off` needs no confirmation.

    Changing from `everyone` to another mode removes the guests' faces. Raises `PolicyRefused`. Raises
    `RecogniserUnavailable` if the policy is set but some of those faces are left; call this again then.
    """
    now, mode = now or timezone.now(), Mode(mode)
    check_policy(site=site, mode=mode, confirmed_by=confirmed_by)
    confirmed_at = now if confirmed_by else None
    with transaction.atomic():
        lock_site(site)  # after this no worker creates a guest under the old policy
        policy, _ = SitePolicy.objects.update_or_create(
            site=site, defaults={"mode": mode, "confirmed_by": confirmed_by, "confirmed_at": confirmed_at}
        )
    if mode != Mode.EVERYONE:
        for consent in Consent.objects.filter(person__site=site, method=Method.OWNER).to_withdraw():
            withdraw_consent(consent=consent, now=now)
    return policy


def set_retention(*, site: Site, picture_hours: int | None, unmatched_hours: int, **others: int | str) -> SitePolicy:
    """Set how many hours the site keeps pictures (None: the default), and pictures of strangers' faces.

    `others` are further terms to set: `guest_days`, which hold for guests who come from now on, `unseen_days` and
    `contact`. Raises `ValidationError`.
    """
    policy, _ = SitePolicy.objects.get_or_create(site=site)
    terms = {"picture_hours": picture_hours, "unmatched_hours": unmatched_hours, **others}
    for name, value in terms.items():
        setattr(policy, name, value)
    policy.full_clean()
    policy.save(update_fields=list(terms))
    return policy


def check_policy(*, site: Site, mode: Mode, confirmed_by: "User | None") -> None:
    """Raise `PolicyRefused` unless this user may set this mode for the site."""
    if mode == Mode.OFF:
        return
    if confirmed_by is None:
        raise PolicyRefused(f"“{mode}” at {site} needs the confirmation of an owner of the site.")
    if not site.allows(confirmed_by, Right.DECIDE_ON_FACES):
        raise PolicyRefused(f"{confirmed_by} is not an owner of {site}; only an owner may turn recognition on.")


def current_mode(site: Site) -> Mode:
    """Return the site's mode, read from the database now; `off` without a policy."""
    mode = SitePolicy.objects.filter(site=site).values_list("mode", flat=True).first()
    return Mode(mode) if mode else Mode.OFF


def loaded_mode(site: Site) -> Mode:
    """Return the site's mode as of the query that read the site with its `policy`; `off` without a policy."""
    policy = getattr(site, "policy", None)
    return Mode(policy.mode) if policy else Mode.OFF

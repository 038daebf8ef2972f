"""What a site does with faces."""

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from devices.models import Site
from devices.roles import Right
from faces.coffees.counting import lock_site
from faces.models import Consent, Method, Mode, SitePolicy
from faces.people.consent import withdraw_consent

if TYPE_CHECKING:
    from devices.models import User


class PolicyRefused(ValueError):
    """The policy may not be set; one sentence says why."""


def set_policy(
    *, site: Site, mode: Mode | str, confirmed_by: "User | None", now: dt.datetime | None = None
) -> SitePolicy:
    """Let the site do this with faces from now on, by this owner's decision (a superuser counts as one).

    `off` needs nobody's confirmation. Leaving `everyone` forgets the guests' faces, which rested on it. Raises
    `PolicyRefused`, and `RecogniserUnavailable` with the policy set but some of those faces left; then call it again.
    """
    now, mode = now or timezone.now(), Mode(mode)
    check_policy(site=site, mode=mode, confirmed_by=confirmed_by)
    confirmed_at = now if confirmed_by else None
    with transaction.atomic():
        lock_site(site)  # no worker introduces a guest by the old policy after this
        policy, _ = SitePolicy.objects.update_or_create(
            site=site, defaults={"mode": mode, "confirmed_by": confirmed_by, "confirmed_at": confirmed_at}
        )
    if mode != Mode.EVERYONE:
        for consent in Consent.objects.filter(person__site=site, method=Method.OWNER).to_withdraw():
            withdraw_consent(consent=consent, now=now)
    return policy


def set_retention(*, site: Site, picture_hours: int, unmatched_hours: int) -> SitePolicy:
    """Keep the site's pictures, and those of strangers' faces, for so many hours. Raises `ValidationError`."""
    policy, _ = SitePolicy.objects.get_or_create(site=site)
    policy.picture_hours, policy.unmatched_hours = picture_hours, unmatched_hours
    policy.full_clean()
    policy.save(update_fields=["picture_hours", "unmatched_hours"])
    return policy


def check_policy(*, site: Site, mode: Mode, confirmed_by: "User | None") -> None:
    """Raises `PolicyRefused` unless this user may decide this for the site."""
    if mode == Mode.OFF:
        return
    if confirmed_by is None:
        raise PolicyRefused(f"“{mode}” at {site} needs the confirmation of an owner of the site.")
    if not site.allows(confirmed_by, Right.DECIDE_ON_FACES):
        raise PolicyRefused(f"{confirmed_by} is no owner of {site}; only an owner may turn recognition on.")


def current_mode(site: Site) -> Mode:
    """What the site does with faces at this moment: `off` until somebody decided otherwise."""
    mode = SitePolicy.objects.filter(site=site).values_list("mode", flat=True).first()
    return Mode(mode) if mode else Mode.OFF


def loaded_mode(site: Site) -> Mode:
    """What it did when the site was read, together with its `policy`."""
    policy = getattr(site, "policy", None)
    return Mode(policy.mode) if policy else Mode.OFF

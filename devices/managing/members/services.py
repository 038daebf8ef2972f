"""Every write about members and invitations. Raises `ValidationError` with one sentence where a rule forbids it.

Nobody gives or takes a role with a right that they lack themselves, and a site that has an owner keeps at least one.
Administrators of the installation (superusers) may give every role.
"""

import datetime as dt
import secrets
from functools import partial
from typing import TYPE_CHECKING

from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from devices.models import Invitation, Membership, Site
from devices.rules.roles import Right, Role, roles_up_to, roles_with
from devices.services import token_digest

if TYPE_CHECKING:
    from devices.models import User

INVITATION_LASTS = dt.timedelta(days=7)
"""Long enough for a holiday week; a forgotten link does not stay open for ever."""

MOST_INVITATIONS = 200
"""Open invitations of one site."""


def roles_to_give(*, site: Site, by: "User") -> list[Role]:
    """Return the roles that this user may give to others at the site, the weakest first; none without the right."""
    if by.is_superuser:
        return list(Role)
    membership = Membership.objects.filter(site=site, user=by, role__in=roles_with(Right.MANAGE)).first()
    return [] if membership is None or not by.is_active else roles_up_to(Role(membership.role))


@transaction.atomic
def invite(*, site: Site, role: str, email: str, by: "User", now: dt.datetime) -> tuple[Invitation, str]:
    """Create an invitation; return it with the text of its token, of which only a digest is stored.

    `email` may be empty: whoever has the link then accepts it. Raises `ValidationError` for a wrong address or too many
    open invitations, and as `change_role` for a role that `by` may not give.
    """
    given = _checked_role(site=site, role=role, by=by)
    if email:
        validate_email(email)
    Invitation.objects.filter(site=site, expires_at__lte=now).delete()
    if Invitation.objects.filter(site=site).count() >= MOST_INVITATIONS:
        raise ValidationError(f"{site} has {MOST_INVITATIONS} open invitations. Withdraw some of them first.")
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        site=site,
        role=given,
        email=email,
        token_digest=token_digest(token),
        invited_by=by,
        created_at=now,
        expires_at=now + INVITATION_LASTS,
    )
    return invitation, token


def find_invitation(*, token: str, now: dt.datetime) -> Invitation | None:
    """Return the invitation with this token; None if it was accepted or withdrawn, or has expired."""
    invitations = Invitation.objects.select_related("site", "invited_by")
    return invitations.filter(token_digest=token_digest(token), expires_at__gt=now).first()


def withdraw(*, invitation: Invitation, by: "User") -> None:
    """Delete the invitation, whose link opens nothing from now on."""
    _checked_role(site=invitation.site, role=invitation.role, by=by)
    invitation.delete()


@transaction.atomic
def accept(*, token: str, user: "User", now: dt.datetime) -> Membership:
    """Give the user the offered role, unless the user's role at the site has more rights. The link is used up.

    Raises `ValidationError` if the invitation was used or withdrawn, or has expired.
    """
    invitation = Invitation.objects.select_for_update().filter(token_digest=token_digest(token)).first()
    if invitation is None or invitation.expires_at <= now:
        raise ValidationError("This invitation was used, withdrawn, or has expired. Ask for a new one.")
    membership = Membership.objects.filter(site=invitation.site, user=user).first()
    if membership is None or Role(membership.role) in roles_up_to(Role(invitation.role)):
        membership, _ = Membership.objects.update_or_create(
            site=invitation.site, user=user, defaults={"role": invitation.role}
        )
    invitation.delete()
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: str, by: "User") -> None:
    """Give the member this role, and end the member's sessions, so that the next page needs a new sign-in.

    Raises `ValidationError` if `by` may not give this role or take the former one, or if no owner would stay.
    """
    site = _locked(membership.site)
    _checked_role(site=site, role=membership.role, by=by)
    given = _checked_role(site=site, role=role, by=by)
    if Right.MANAGE in _rights_lost(membership.role, given):
        _check_owner_stays(membership)
    membership.role = given
    membership.save(update_fields=["role"])
    _end_sessions(membership.user)


@transaction.atomic
def remove(*, membership: Membership, by: "User") -> None:
    """End the membership and the member's sessions. Members may leave a site by themselves, whatever their role.

    Raises `ValidationError` if `by` may not take the member's role, or if no owner would stay.
    """
    site = _locked(membership.site)
    if membership.user_id != by.pk:
        _checked_role(site=site, role=membership.role, by=by)
    _check_owner_stays(membership)
    user = membership.user
    membership.delete()
    _end_sessions(user)


def _checked_role(*, site: Site, role: str, by: "User") -> Role:
    """Return the role if this user may give it and take it at the site."""
    if role not in Role:
        raise ValidationError(f"There is no role “{role}”. The roles are {', '.join(Role)}.")
    roles = roles_to_give(site=site, by=by)
    if not roles:
        raise ValidationError(f"Only an owner of {site} may change its members.")
    if role not in roles:
        raise ValidationError(f"Your own role does not allow you to give or take the role {role}.")
    return Role(role)


def _rights_lost(before: str, after: Role) -> set[Right]:
    return {right for right in Right if before in roles_with(right) and after not in roles_with(right)}


def _check_owner_stays(membership: Membership) -> None:
    owners = Membership.objects.filter(site=membership.site, role__in=roles_with(Right.MANAGE), user__is_active=True)
    if membership.role in roles_with(Right.MANAGE) and not owners.exclude(pk=membership.pk).exists():
        raise ValidationError(
            f"{membership.user} is the only owner of {membership.site}. Make somebody else owner first."
        )


def only_owner_of(user: "User") -> list[Site]:
    """Return the sites of which this user is the only owner whose account is active."""
    owners = Membership.objects.filter(role__in=roles_with(Right.MANAGE), user__is_active=True)
    others = owners.exclude(user=user.pk).values("site")
    return [role.site for role in owners.filter(user=user.pk).exclude(site__in=others).select_related("site")]


def _locked(site: Site) -> Site:
    """Return the site, locked until the commit, so that two owners cannot remove each other at the same time."""
    locked: Site = Site.objects.select_for_update().get(pk=site.pk)
    return locked


def _end_sessions(user: "User") -> None:
    transaction.on_commit(partial(_end_sessions_now, user.pk))


def _end_sessions_now(user_pk: int) -> None:
    for session in UserSession.objects.filter(user=user_pk):
        session.end()

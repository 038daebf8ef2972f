"""Who may give which role, and how somebody becomes a member, on the pages as in the services."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from devices.managing.members import services
from devices.models import Invitation, Membership, Site
from devices.rules.roles import RIGHTS, Right, Role, roles_up_to, roles_with
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def membership(user: User, site: Site) -> Membership:
    return Membership.objects.get(user=user, site=site)


def invite(user: User, site: Site, **fields: str) -> Any:
    return client_of(user).post(reverse("members", args=[site.slug]), fields)


def link_in(response: Any) -> str:
    found = re.search(r'<code class="secret">http://[^/]+(/invitations/[\w-]+/)</code>', response.content.decode())
    assert found is not None, response.content.decode()
    return found[1]


@given(st.sampled_from(Role), st.sampled_from(Role))
def test_nobody_may_give_a_right_that_they_lack(giver: Role, given_role: Role) -> None:
    assert (given_role in roles_up_to(giver)) == (RIGHTS[given_role] <= RIGHTS[giver])


@pytest.mark.parametrize("role", Role)
def test_an_owner_invites_by_link_and_the_link_makes_a_member_once(role: Role, owner: User, seattle: Site) -> None:
    guest, late = places.user("guest"), places.user("late")
    link = link_in(invite(owner, seattle, role=role))
    assert f"{owner} invites you to be {role.label.lower()} of Seattle" in client_of(guest).get(link).content.decode()
    client_of(guest).post(link)
    assert membership(guest, seattle).role == role
    assert client_of(late).post(link).status_code == 404
    assert not Membership.objects.filter(user=late).exists()


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_only_owners_invite(who: str, request: pytest.FixtureRequest, seattle: Site, owner: User) -> None:
    response = invite(request.getfixturevalue(who), seattle, role="viewer")
    assert response.status_code == 400
    assert "Only an owner of Seattle may change its members" in response.content.decode()
    assert not Invitation.objects.exists()


def test_the_members_of_a_site_are_no_business_of_outsiders(outsider: User, owner: User, seattle: Site) -> None:
    outside = client_of(outsider)
    assert outside.get(reverse("members", args=["seattle"])).status_code == 404
    assert outside.post(reverse("change-member", args=["seattle", membership(owner, seattle).pk])).status_code == 404


def test_a_viewer_sees_the_members_but_no_form(viewer: User, owner: User, seattle: Site) -> None:
    page = client_of(viewer).get(reverse("members", args=["seattle"])).content.decode()
    assert "2 members" in page
    assert "Invite somebody" not in page
    assert "<select" not in page


def test_an_operator_cannot_become_owner_by_any_door(operator: User, owner: User, seattle: Site) -> None:
    own = membership(operator, seattle)
    response = client_of(operator).post(reverse("change-member", args=["seattle", own.pk]), {"role": "owner"})
    assert response.status_code == 403
    staff = client_of(operator)
    assert staff.post(f"/admin/devices/membership/{own.pk}/change/", {"role": "owner"}).status_code in (302, 403)
    assert staff.post("/admin/devices/membership/add/", {"role": "owner"}).status_code in (302, 403)
    assert membership(operator, seattle).role == Role.OPERATOR


def test_a_site_keeps_an_owner(owner: User, viewer: User, seattle: Site) -> None:
    for change in ({"role": "viewer"}, {"remove": "yes"}):
        address = reverse("change-member", args=["seattle", membership(owner, seattle).pk])
        page = client_of(owner).post(address, change, follow=True).content.decode()
        assert "is the only owner of Seattle" in page
    assert membership(owner, seattle).role == Role.OWNER
    services.change_role(membership=membership(viewer, seattle), role="owner", by=owner)
    services.change_role(membership=membership(owner, seattle), role="viewer", by=owner)
    assert membership(owner, seattle).role == Role.VIEWER


@pytest.mark.parametrize("owners_active", [True, False])
def test_an_owner_whose_account_is_closed_counts_as_no_owner(
    owners_active: bool, owner: User, seattle: Site, superuser: User
) -> None:
    second = places.user("second", {seattle: Role.OWNER})
    User.objects.filter(pk=second.pk).update(is_active=owners_active)
    if owners_active:
        services.remove(membership=membership(owner, seattle), by=superuser)
    else:
        with pytest.raises(ValidationError, match="only owner"):
            services.remove(membership=membership(owner, seattle), by=superuser)


def test_members_may_leave(viewer: User, owner: User, seattle: Site) -> None:
    address = reverse("change-member", args=["seattle", membership(viewer, seattle).pk])
    shown = client_of(viewer).get(reverse("members", args=["seattle"])).content.decode()
    assert re.findall(r'action="([^"]*/members/[^"]*)"', shown) == [address], "viewers change only their own row"
    assert ">Leave</button>" in shown
    assert client_of(viewer).post(address, {"remove": "yes"}).headers["Location"] == reverse("overview")
    assert not Membership.objects.filter(user=viewer).exists()


@pytest.mark.django_db(transaction=True)
def test_after_a_change_of_role_the_member_must_sign_in_again(owner: User, operator: User, seattle: Site) -> None:
    theirs = Client()
    theirs.post(reverse("account_login"), {"login": "operator", "password": places.PASSWORD})
    assert theirs.get(reverse("overview")).status_code == 200
    services.change_role(membership=membership(operator, seattle), role="viewer", by=owner)
    assert theirs.get(reverse("overview")).status_code == 302


def test_an_invitation_expires_and_can_be_withdrawn(owner: User, seattle: Site) -> None:
    _, token = services.invite(site=seattle, role="viewer", email="", by=owner, now=clock.now())
    later = clock.now() + services.INVITATION_LASTS
    assert services.find_invitation(token=token, now=later) is None
    with pytest.raises(ValidationError, match="expired"):
        services.accept(token=token, user=owner, now=later)
    invitation = services.find_invitation(token=token, now=clock.now())
    assert invitation is not None
    client_of(owner).post(reverse("withdraw-invitation", args=["seattle", invitation.pk]))
    assert Client().get(reverse("invitation", args=[token])).status_code == 404


def test_an_invitation_takes_no_right_away(owner: User, seattle: Site) -> None:
    _, token = services.invite(site=seattle, role="viewer", email="", by=owner, now=clock.now())
    services.accept(token=token, user=owner, now=clock.now())
    assert membership(owner, seattle).role == Role.OWNER


def test_open_invitations_are_limited(owner: User, seattle: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_INVITATIONS", 1)
    services.invite(site=seattle, role="viewer", email="", by=owner, now=clock.now())
    with pytest.raises(ValidationError, match="Withdraw some"):
        services.invite(site=seattle, role="viewer", email="", by=owner, now=clock.now())


def test_without_mail_an_address_is_refused_with_a_way_out(owner: User, seattle: Site, settings: Any) -> None:
    settings.SENDS_EMAIL = False
    response = invite(owner, seattle, role="viewer", email="ada@example.com")
    assert "Leave the address empty, and hand the link over" in response.content.decode()


def test_a_mailed_invitation_makes_an_account_whose_address_is_verified(
    owner: User, seattle: Site, settings: Any
) -> None:
    settings.SENDS_EMAIL = True
    invite(owner, seattle, role="operator", email="ada@example.com")
    (sent,) = mail.outbox
    assert sent.to == ["ada@example.com"]
    assert sent.subject == "Headcount: owner invites you to Seattle"
    link = re.search(r"http://[^/]+(/invitations/[\w-]+/)", str(sent.body))
    assert link is not None
    ada = Client()
    assert "Create an account" in ada.get(link[1]).content.decode()
    form = {"username": "ada", "email": "ada@example.com", "password1": "engine-1843", "password2": "engine-1843"}
    assert ada.post(reverse("account_signup"), form).status_code == 302
    user = User.objects.get(username="ada")
    assert membership(user, seattle).role == Role.OPERATOR
    assert EmailAddress.objects.get(user=user).verified
    assert ada.get(reverse("overview")).status_code == 200


def test_without_an_invitation_nobody_makes_an_account() -> None:
    form = {"username": "eve", "email": "eve@example.com", "password1": "engine-1843", "password2": "engine-1843"}
    stranger = Client()
    assert "An invitation is needed" in stranger.get(reverse("account_signup")).content.decode()
    stranger.post(reverse("account_signup"), form)
    assert not User.objects.filter(username="eve").exists()


def test_members_are_managed_by_owners_alone() -> None:
    assert roles_with(Right.MANAGE) == [Role.OWNER]

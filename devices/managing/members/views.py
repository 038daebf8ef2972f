"""The pages on which owners manage the members of their site, and the page that an invitation's link opens."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from devices.managing.members import services
from devices.managing.members.adapters import INVITATION
from devices.models import Invitation, Membership, Site
from devices.rules.roles import RIGHTS, Right, Role

if TYPE_CHECKING:
    from devices.models import User


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the members of a site to its members, with the invitations to its owners. A POST invites somebody."""
    user = cast("User", request.user)
    site = get_object_or_404(Site.objects.for_user(user), slug=slug)
    link, errors = "", []
    if request.method == "POST":
        try:
            link = _invite(request, site, user)
        except ValidationError as error:
            errors = error.messages
    roles = services.roles_to_give(site=site, by=user)
    context = {
        "site": site,
        "members": site.memberships.select_related("user").order_by("user__username"),
        "invitations": site.invitations.filter(expires_at__gt=timezone.now()).select_related("invited_by"),
        "roles": roles,
        "all_roles": [(role, [right.value for right in Right if right in RIGHTS[role]]) for role in Role],
        "sends_email": settings.SENDS_EMAIL,
        "link": link,
        "typed": request.POST if errors else {},
        "errors": errors,
        "days": services.INVITATION_LASTS.days,
    }
    status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    return render(request, "devices/members/members.html", context, status=status)


def _invite(request: HttpRequest, site: Site, user: "User") -> str:
    """Create the invitation, mail it where an address was given, and return its link."""
    email = request.POST.get("email", "").strip()
    if email and not settings.SENDS_EMAIL:
        raise ValidationError("This installation sends no e-mail. Leave the address empty, and hand the link over.")
    role = request.POST.get("role", "")
    invitation, token = services.invite(site=site, role=role, email=email, by=user, now=timezone.now())
    link = request.build_absolute_uri(reverse("invitation", args=[token]))
    if email:
        try:
            get_adapter(request).send_mail(
                "devices/members/invitation", email, {"invitation": invitation, "link": link}
            )
        except OSError as error:
            invitation.delete()
            raise ValidationError(f"The mail to {email} could not be sent: {error}. Try again later.") from None
        messages.success(request, f"The invitation was sent to {email}.")
    return link


@login_required
@require_POST
def change_member(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Give a member another role, or, with `remove`, end the membership."""
    user = cast("User", request.user)
    site = get_object_or_404(Site.objects.for_user(user), slug=slug)
    membership = get_object_or_404(Membership.objects.select_related("user", "site"), pk=pk, site=site)
    try:
        if "remove" in request.POST:
            services.remove(membership=membership, by=user)
            messages.success(request, f"{membership.user} is no longer a member of {site}.")
        else:
            services.change_role(membership=membership, role=request.POST.get("role", ""), by=user)
            messages.success(request, f"{membership.user} is now {membership.get_role_display()} of {site}.")
    except ValidationError as error:
        _refuse_strangers(site, user)
        messages.error(request, " ".join(error.messages))
    still_here = Site.objects.for_user(user).filter(pk=site.pk).exists()
    return redirect("members", site.slug) if still_here else redirect("overview")


@login_required
@require_POST
def withdraw_invitation(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Withdraw an invitation, whose link opens nothing from then on."""
    user = cast("User", request.user)
    site = get_object_or_404(Site.objects.for_user(user), slug=slug)
    invitation = get_object_or_404(Invitation.objects.select_related("site"), pk=pk, site=site)
    try:
        services.withdraw(invitation=invitation, by=user)
        messages.success(request, "The invitation is withdrawn. Its link opens nothing any more.")
    except ValidationError as error:
        _refuse_strangers(site, user)
        messages.error(request, " ".join(error.messages))
    return redirect("members", site.slug)


def _refuse_strangers(site: Site, user: "User") -> None:
    """Raise `PermissionDenied` where the user may change no member at all, so that the answer is a 403."""
    if not services.roles_to_give(site=site, by=user):
        raise PermissionDenied(f"Only an owner of {site} may change its members.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the invitation offers. A POST of a signed-in user accepts it."""
    offered = services.find_invitation(token=token, now=timezone.now())
    if offered is None:
        return render(request, "devices/members/invitation.html", {"invitation": None}, status=HTTPStatus.NOT_FOUND)
    if request.method == "POST" and request.user.is_authenticated:
        try:
            membership = services.accept(token=token, user=request.user, now=timezone.now())
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("overview")
        request.session.pop(INVITATION, None)
        messages.success(request, f"You are {membership.get_role_display()} of {membership.site}.")
        return redirect("overview")
    request.session[INVITATION] = token
    return render(request, "devices/members/invitation.html", {"invitation": offered, "here": request.path})

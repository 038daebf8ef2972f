"""The page on which an owner decides what a site does with faces, and how long it keeps pictures."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from devices.managing.access import check_right, find_site
from devices.models import Site
from devices.rules.roles import Right
from devices.rules.terms import days, hours
from faces.models import Mode, SitePolicy
from faces.people.policies import TERMS, set_policy, set_retention
from faces.people.policy_form import SitePolicyForm
from faces.recognisers.recogniser import RecogniserUnavailable

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def site_policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the site's policy. A POST shows what a change would do; a POST with `sure` does it."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    may_change, status, sentences = Right.DECIDE_ON_FACES in site.rights_of(user), HTTPStatus.OK, []
    form = SitePolicyForm(request.POST if request.method == "POST" else None, instance=_policy_of(site))
    form.user = user
    if request.method == "POST":
        check_right(user, site, Right.DECIDE_ON_FACES)
        if form.is_valid():
            sentences = form.tell(_policy_of(site), timezone.now())
            if "sure" in request.POST:
                _save(request, site, form, user)
                return redirect("site-policy", site.slug)
        else:
            status = HTTPStatus.BAD_REQUEST
    stored = _policy_of(site)
    context = {
        "site": site,
        "policy": stored,
        "kept": hours(stored.kept_hours),
        "strangers_kept": hours(stored.unmatched_hours),
        "guests_known": days(stored.guest_days),
        "unseen": days(stored.unseen_days),
        "mode": Mode(stored.mode).label,
        "form": form if may_change else None,
        "sentences": sentences,
    }
    return render(request, "faces/policy.html", context, status=status)


def _policy_of(site: Site) -> SitePolicy:
    policy: SitePolicy | None = SitePolicy.objects.filter(site=site).select_related("confirmed_by").first()
    return policy or SitePolicy(site=site)


def _save(request: HttpRequest, site: Site, form: SitePolicyForm, user: "User") -> None:
    values = form.cleaned_data
    terms = {name: values[name] for name in TERMS}
    set_retention(site=site, **terms)
    try:
        set_policy(site=site, mode=values["mode"], confirmed_by=user)
    except RecogniserUnavailable as error:
        messages.error(request, f"The policy is set, but some guests' faces are left; save again. {error}")
    else:
        messages.success(request, f"The policy of {site} is set: {Mode(values['mode']).label}.")

"""The pages on which operators enter the opening hours of a site: plans for the week, and single days that differ."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.models.opening import DAYS, OpeningException, OpeningPlan
from analytics.verdicts.proposed_hours import propose_plan
from devices.managing.access import check_right, find_site, find_site_with
from devices.models import Site
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

M = TypeVar("M", bound=models.Model)


class _OfSite(forms.ModelForm[M]):
    """A form of a row of the site that its instance has."""

    def _get_validation_exclusions(self) -> set[str]:
        # So that a second row of the site for one day is refused here and not by the database.
        return super()._get_validation_exclusions() - {"site"}  # type: ignore[misc, no-any-return]


class PlanForm(_OfSite[OpeningPlan]):
    class Meta:
        model = OpeningPlan
        fields = ["since", *DAYS, "country", "region", "holiday"]
        widgets = {"since": forms.DateInput({"type": "date"}, "%Y-%m-%d")}
        labels = {"since": "From which day", "holiday": "Public holidays"}


class DayForm(_OfSite[OpeningException]):
    class Meta:
        model = OpeningException
        fields = ["date", "hours", "note"]
        widgets = {"date": forms.DateInput({"type": "date"}, "%Y-%m-%d")}


@login_required
@require_safe
def site_opening(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the opening hours of a site."""
    user = cast("User", request.user)
    return _overview(request, find_site(user, slug), DayForm())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a plan for the week. The form proposes the hours in which people usually come."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    initial = {} if request.method == "POST" else propose_plan(site, now=timezone.now())
    return _edit(request, site, OpeningPlan(site=site), initial)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_plan(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change a plan, or with `delete` delete it."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    plan = get_object_or_404(OpeningPlan, pk=pk, site=site)
    check_right(user, site, Right.OPERATE)
    if "delete" in request.POST:
        plan.delete()
        earlier = OpeningPlan.objects.filter(site=site, since__lt=plan.since).exists()
        hours = "the hours of the plan before it" if earlier else "all hours"
        messages.success(request, f"The plan is deleted. The numbers of its days are about {hours} now.")
        return redirect("site-opening", site.slug)
    return _edit(request, site, plan, {})


@login_required
@require_POST
def add_day(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a single day that differs from the plan."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    form = DayForm(request.POST, instance=OpeningException(site=site))
    if not form.is_valid():
        return _overview(request, site, form, HTTPStatus.BAD_REQUEST)
    form.save()
    messages.success(request, f"{form.instance.date:%-d %b %Y} is entered.")
    return redirect("site-opening", site.slug)


@login_required
@require_POST
def delete_day(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Have the plan hold on this day again."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    day = get_object_or_404(OpeningException, pk=pk, site=site)
    check_right(user, site, Right.OPERATE)
    day.delete()
    messages.success(request, f"On {day.date:%-d %b %Y} the plan holds.")
    return redirect("site-opening", site.slug)


def _overview(request: HttpRequest, site: Site, day_form: DayForm, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    plans = OpeningPlan.objects.filter(site=site).order_by("-since")
    context = {
        "site": site,
        "plans": [(plan, [(day.capitalize(), getattr(plan, day) or "closed") for day in DAYS]) for plan in plans],
        "days": OpeningException.objects.filter(site=site).order_by("-date"),
        "day_form": day_form,
        "may_change": Right.OPERATE in site.rights_of(cast("User", request.user)),
        "tab": "site-opening",
    }
    return render(request, "analytics/opening.html", context, status=status)


def _edit(request: HttpRequest, site: Site, plan: OpeningPlan, initial: dict[str, Any]) -> HttpResponse:
    form = PlanForm(request.POST if request.method == "POST" else None, instance=plan, initial=initial)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"The opening hours from {plan.since:%-d %b %Y} on are saved.")
        if not any(plan.week) and not plan.holiday:
            messages.warning(request, f"By them {site} is never open, so its pages show numbers of all hours alone.")
        return redirect("site-opening", site.slug)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    context = {"site": site, "form": form, "is_proposed": any(initial.values()), "tab": "site-opening"}
    return render(request, "analytics/opening_plan.html", context, status=status)

"""The page on which an owner confirms that expressions of faces may be read at a site, or ends it."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from devices.managing.access import check_right, find_site
from devices.rules.roles import Right
from faces.models import FeelingsConfirmation
from faces.people.feelings import SMALLEST_GROUP, confirm_feelings, withdraw_feelings
from faces.recognisers.recogniser import configured_class

if TYPE_CHECKING:
    from devices.models import User


class FeelingsForm(forms.Form):
    jurisdiction = forms.CharField(
        label="Whose law applies", max_length=120, help_text="Such as “Washington, United States”."
    )
    nobody_at_work_or_school = forms.BooleanField(
        label="The cameras of this site see no employees and no students",
        help_text="In the European Union it is prohibited to read expressions at workplaces and schools.",
    )
    notice_is_public = forms.BooleanField(
        label="The notice of each display hangs where people see it before the camera sees them"
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def site_feelings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show whether expressions are read. A POST confirms it, or ends it with `end`."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    form, status = FeelingsForm(request.POST if request.method == "POST" else None), HTTPStatus.OK
    if request.method == "POST":
        check_right(user, site, Right.DECIDE_ON_FACES)
        if "end" in request.POST:
            deleted = withdraw_feelings(site=site)
            messages.success(
                request, f"Expressions are not read any more; the counts of {deleted:,} quarter hours are gone."
            )
            return redirect("site-feelings", site.slug)
        if form.is_valid():
            confirm_feelings(site=site, by=user, now=timezone.now(), **form.cleaned_data)
            messages.success(request, "Your confirmation is recorded with your name and the time.")
            return redirect("site-feelings", site.slug)
        status = HTTPStatus.BAD_REQUEST
    context = {
        "site": site,
        "confirmation": FeelingsConfirmation.objects.filter(site=site).select_related("confirmed_by").first(),
        "form": form,
        "may_change": Right.DECIDE_ON_FACES in site.rights_of(user),
        "can_read": configured_class().detects_emotions,
        "smallest": SMALLEST_GROUP,
        "tab": "site-policy",
    }
    return render(request, "faces/feelings.html", context, status=status)

"""The page on which an administrator of the installation adds a site."""

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods

from devices import services
from devices.managing.forms import NewSiteForm
from devices.models import Site


class SiteToAddForm(NewSiteForm):
    """A new site. Its slug is made from its name where none is typed."""

    slug = forms.SlugField(
        required=False,
        max_length=80,
        label="Part of its addresses",
        help_text="Such as seattle in /sites/seattle/. Empty: made from the name.",
    )

    def clean_slug(self) -> str:
        """Return the slug, typed or made. Raises `ValidationError` for a name without a letter or digit of ASCII."""
        name = self.cleaned_data.get("name", "")
        slug: str = self.cleaned_data["slug"] or slugify(name)[:80].strip("-_")
        if name and not slug:
            raise forms.ValidationError(f"Type this part: “{name}” has no letter of a to z to make it from.")
        return slug


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_site(request: HttpRequest) -> HttpResponse:
    """Show the form of a new site to administrators of the installation. A POST adds the site."""
    if not request.user.is_superuser:
        raise PermissionDenied("Only an administrator of this installation adds sites.")
    form = SiteToAddForm(request.POST if request.method == "POST" else None, instance=Site())
    if request.method == "POST" and form.is_valid():
        site = form.instance
        services.change_site(site=site)
        messages.success(request, f"{site} is added. Invite its owner here, who adds cameras under Devices.")
        return redirect("members", site.slug)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "devices/managing/new_site.html", {"form": form}, status=status)

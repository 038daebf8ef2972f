"""The page of a site's consent texts, and of the links by which people enrol themselves."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from devices.managing.access import check_right, find_site, find_site_with
from devices.models import Site
from devices.pages.qr_codes import as_qr_code
from devices.rules.roles import Right
from faces.desk.forms import ConsentTextForm, LinkForm
from faces.models import ConsentTemplate, DeskLink, Mode
from faces.people.consent_texts import publish_text, retire_text, texts_in_force
from faces.people.desk_links import make_link
from faces.people.policies import current_mode

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def consents(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the site's consent texts and links. A POST of an owner publishes a text; with `?text=`, its next version."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    if request.method != "POST":
        return _page(request, site)
    check_right(user, site, Right.DECIDE_ON_FACES)
    form = ConsentTextForm(request.POST)
    form.instance.site = site
    if form.is_valid():
        try:
            text = publish_text(site=site, by=user, now=timezone.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            messages.success(request, f"“{text}” is in force. Who agrees from now on, agrees to it.")
            return redirect("site-consents", slug)
    return _page(request, site, form=form, status=HTTPStatus.BAD_REQUEST)


@login_required
@require_POST
def retire(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Have nobody agree to this text from now on."""
    site = find_site_with(cast("User", request.user), slug, Right.DECIDE_ON_FACES)
    text = get_object_or_404(ConsentTemplate, site=site, pk=pk)
    retire_text(template=text, now=timezone.now())
    messages.success(request, f"Nobody agrees to “{text}” any more. Earlier consents stay as they are.")
    return redirect("site-consents", slug)


@login_required
@never_cache
@require_POST
def give_enrolling_link(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a link by which people enrol themselves, and show it once."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    form = LinkForm(request.POST, texts=texts_in_force(site))
    if form.is_valid():
        try:
            link, code = make_link(site=site, by=user, now=timezone.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            address = request.build_absolute_uri(reverse("enrol-oneself", args=[code]))
            given = {"link": link, "code": code, "address": address, "qr_code": as_qr_code(address)}
            return _page(request, site, given=given)
    return _page(request, site, link_form=form, status=HTTPStatus.BAD_REQUEST)


@login_required
@require_POST
def revoke_link(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """End a link by which people enrol themselves."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    get_object_or_404(DeskLink, site=site, person=None, pk=pk).delete()
    messages.success(request, "The link opens nothing from now on.")
    return redirect("site-consents", slug)


def _page(request: HttpRequest, site: Site, *, status: HTTPStatus = HTTPStatus.OK, **more: Any) -> HttpResponse:
    rights = site.rights_of(cast("User", request.user))
    texts = ConsentTemplate.objects.filter(site=site).annotate(agreed=Count("consents")).select_related("created_by")
    in_force = [text for text in texts if text.retired_at is None]
    chosen = next((text for text in in_force if str(text.pk) == request.GET.get("text")), None)
    may_decide, may_operate = Right.DECIDE_ON_FACES in rights, Right.OPERATE in rights
    form = ConsentTextForm(instance=chosen) if chosen else ConsentTextForm()
    now = timezone.now()
    context = {
        "site": site,
        "tab": "site-people",
        "in_force": in_force,
        "retired": [text for text in texts if text.retired_at is not None],
        "chosen": chosen,
        "form": form,
        "link_form": LinkForm(texts=in_force),
        "links": list(DeskLink.objects.filter(site=site, person=None, expires_at__gt=now).select_related("template")),
        "may_decide": may_decide,
        "may_operate": may_operate,
        "recognises_nobody": current_mode(site) == Mode.OFF,
        **more,
    }
    return render(request, "faces/desk/consents.html", context, status=status)

"""The pages of letters: those of a site and of all sites, who reads them, and the links that need no account."""

import datetime as dt
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.managing.access import find_site, find_site_with
from devices.rules.roles import Right
from notifications.letters import rendering, services
from notifications.letters.rendering import Links, Rendered
from notifications.models import Letter, Reader, Unit
from notifications.sending import due_letters

if TYPE_CHECKING:
    from devices.models import User

SHOWN = 60
"""Letters in a list."""


@login_required
@require_safe
def site_letters(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the site's letters, and who reads them."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    may_change = Right.OPERATE in site.rights_of(user)
    context = {
        "site": site,
        "letters": Letter.objects.filter(site=site).exclude(content={}).select_related("site")[:SHOWN],
        "own": {reader.unit for reader in services.own_readers(user, [site])},
        "readers": Reader.objects.filter(site=site).select_related("user") if may_change else [],
        "units": Unit.choices,
        "may_change": may_change,
        "address": user.email,
    }
    return render(request, "notifications/letters.html", context)


@login_required
@require_safe
def site_letter(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show a letter as it was; `?as=pdf` returns it as a PDF."""
    site = find_site(cast("User", request.user), slug)
    letter = get_object_or_404(Letter.objects.filter(site=site).exclude(content={}), pk=pk)
    page = reverse("site-letter", args=[site.slug, letter.pk])
    return _shown(request, rendering.render_site(letter.content, Links(pdf=f"{page}?as=pdf", page=page)))


@login_required
@require_POST
def subscribe(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the site's letter sent to the user, or no longer."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    unit = request.POST.get("unit", "")
    own = [reader for reader in services.own_readers(user, [site]) if reader.unit == unit]
    try:
        if own:
            services.remove_reader(reader=own[0])
            messages.success(request, f"You get no more letters about {site}.")
        else:
            reader = services.add_reader(site=site, unit=unit, address=user.email, user=user, by=user)
            messages.success(request, f"The letter comes {reader.get_unit_display()} to {reader.address}.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("site-letters", site.slug)


@login_required
@require_POST
def add_reader(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the site's letter sent to an address."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    try:
        reader = services.add_reader(
            site=site, unit=request.POST.get("unit", ""), address=request.POST.get("address", ""), by=user
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"{reader} gets the letter {reader.get_unit_display()}.")
    return redirect("site-letters", site.slug)


@login_required
@require_POST
def delete_reader(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Send an address no more letters about the site."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    reader = get_object_or_404(Reader.objects.filter(site=site), pk=pk)
    services.remove_reader(reader=reader)
    messages.success(request, f"{reader} gets no more letters about {site}.")
    return redirect("site-letters", site.slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def all_letters(request: HttpRequest) -> HttpResponse:
    """Show the weeks and months that have letters, each about all sites of the user; POST begins or ends the mail."""
    user = cast("User", request.user)
    if request.method == "POST":
        unit = request.POST.get("unit", "")
        own = [reader for reader in services.own_readers(user, [None]) if reader.unit == unit]
        try:
            if own:
                services.remove_reader(reader=own[0])
                messages.success(request, "You get no more letters about all sites.")
            else:
                services.add_reader(site=None, unit=unit, address=user.email, user=user, by=user)
                messages.success(request, f"The letter about all sites comes to {user.email}.")
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect("letters")
    found = Letter.objects.for_user(user).exclude(content={}).order_by("-first", "unit")
    periods = found.values_list("unit", "first", "content__period").distinct()[:SHOWN]
    context = {
        "periods": [(unit, name, Unit(unit).label, first.isoformat()) for unit, first, name in periods],
        "own": {reader.unit for reader in services.own_readers(user, [None])},
        "units": Unit.choices,
        "address": user.email,
    }
    return render(request, "notifications/all_letters.html", context)


@login_required
@require_safe
def letter_of_all(request: HttpRequest, unit: str, first: str) -> HttpResponse:
    """Show the letter about all sites of the user for one week or month, from the letters of the sites as they were."""
    day = _day(first)
    letters = Letter.objects.for_user(request.user).filter(unit=unit, first=day).exclude(content={})
    contents = [
        (letter.content, reverse("site-letter", args=[letter.site.slug, letter.pk]))
        for letter in letters.select_related("site").order_by("site__name")
    ]
    if not contents:
        raise Http404("None of your sites has a letter about that time.")
    page = reverse("letter-of-all", args=[unit, first])
    return _shown(request, rendering.render_all(contents, Links(pdf=f"{page}?as=pdf", page=page)))


@require_safe
def open_letter(request: HttpRequest, token: str) -> HttpResponse:
    """Show the letter that a mail was about, to whoever has the mail's link, as long as they read the letters."""
    found = services.find_by_token(token)
    reader, first = found or (None, None)
    contents = due_letters.contents_for(reader, first) if reader and first else []
    if reader is None or first is None or not contents:
        raise Http404("This link leads to no letter any more.")
    return _shown(request, due_letters.render(reader, contents, due_letters.links_of(reader, first)))


@csrf_exempt  # Mail programs post here by themselves (RFC 8058); the token proves that they may.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether the letters shall end, and end them. A GET ends nothing: mail scanners open every link."""
    found = services.find_by_token(token)
    if found is not None and request.method == "POST":
        services.remove_reader(reader=found[0])
    context = {"reader": found[0] if found else None, "is_over": found is None or request.method == "POST"}
    return render(request, "notifications/unsubscribe.html", context)


def _shown(request: HttpRequest, letter: Rendered) -> HttpResponse:
    html = rendering.standing_alone(letter)
    if request.GET.get("as") != "pdf":
        return HttpResponse(html)
    try:
        made = rendering.pdf(html)
    except rendering.NoPdf as error:
        return HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in letter.subject)[:80]
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return HttpResponse(made, content_type="application/pdf", headers=headers)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Http404(f"“{text}” is not a date such as 2026-11-16.") from None

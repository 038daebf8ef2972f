"""The page that erases a person, and the receipt of an erasure, which is given away."""

import uuid
from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from devices.managing.access import find_site_with
from devices.rules.roles import Right
from faces.erasure.erasing import NotErasedYet, forget
from faces.erasure.foreseeing import foresee_erasure, gone, nameless
from faces.models import Erasure, Person

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase_person(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show what goes and what stays, and erase the person when the form is sent with the confirmation."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    person = get_object_or_404(Person.objects.select_related("site"), pk=pk, site=site)
    missing = request.method == "POST" and request.POST.get("sure") != "yes"
    if request.method == "POST" and not missing:
        try:
            erasure = forget(person=person, by=user)
        except NotErasedYet:  # the receipt says what is left, and is complete within the hour
            erasure = Erasure.objects.get(person_number=pk)
        return redirect("receipt", pk=erasure.pk)
    context = {"site": site, "person": person, "foreseen": foresee_erasure(person), "missing": missing}
    return render(request, "faces/erase_person.html", context, status=400 if missing else 200)


@never_cache
@require_safe
def receipt(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the receipt to whoever has its code, also without an account: it names nobody."""
    erasure = get_object_or_404(Erasure.objects.select_related("site"), pk=pk)
    context = {
        "erasure": erasure,
        "code": str(erasure.pk),
        "gone": list(gone(erasure.counts)),
        "nameless": list(nameless(erasure.counts)),
        "address": request.build_absolute_uri(reverse("receipt", args=[erasure.pk])),
        "person_is_there": Person.objects.filter(pk=erasure.person_number).exists(),
    }
    return render(request, "faces/receipt.html", context)


@never_cache
@require_safe
def check_receipt(request: HttpRequest) -> HttpResponse:
    """Ask for the code of a receipt, and show the receipt. Raises `Http404` for a code that is not one of a receipt."""
    typed = request.GET.get("code", "")
    if not typed:
        return render(request, "faces/check_receipt.html")
    try:
        return redirect("receipt", pk=uuid.UUID(typed.strip()))
    except ValueError:
        raise Http404("This is no code of a receipt: it has 32 letters and digits in five groups.") from None

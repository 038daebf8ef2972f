"""The admin of pictures, people and coffees."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator

from devices.admin import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin
from faces.admin.enrolment_forms import PersonForm
from faces.admin.forms import ReviewForm
from faces.desk import words
from faces.models import Capture, Coffee, Consent, Erasure, Person, Sighting, SitePolicy
from faces.people.consent import with_coffees_and_consent
from faces.people.policies import TERMS
from faces.people.policy_form import PolicyForm
from faces.pictures import links
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import (
    EnrolmentRefused,
    NotAgain,
    NotErasedYet,
    forget,
    recognise_again,
    restore_coffee,
    set_policy,
    set_retention,
    void_coffee,
    withdraw_consent,
)

if TYPE_CHECKING:
    from devices.models import User


class SiteChoosingAdmin(ScopedAdmin):
    """An admin of rows whose site cannot be changed after their creation."""

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "site"] if obj else fields


class ReadOnlyInline(admin.TabularInline[Any, Any]):
    """Rows of the object above, which whoever may open that object may see."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConsentInline(ReadOnlyInline):
    model = Consent
    fields = (
        *("text_version", "method", "signed_by", "signed_at", "expires_at", "withdrawn_at"),
        *("recorded_by", "on_own_device", "face_count"),
    )
    readonly_fields = fields

    @admin.display(description="Faces")
    def face_count(self, consent: Consent) -> int:
        return consent.faces.count()


@admin.register(Person)
class PersonAdmin(SiteChoosingAdmin):
    for_operators = True
    form = PersonForm
    list_display = ["name", "site", "line", "coffee_count", "may_be_recognised", "face_count"]
    list_filter = [("site", OWN_ONLY), ("guest_number", admin.EmptyFieldListFilter)]
    list_select_related = ["site"]
    search_fields = ["name", "external_id"]
    readonly_fields = ["merge_link"]
    inlines = [ConsentInline]
    actions = ["withdraw_consents"]
    fieldsets = [
        (None, {"fields": ["site", "name", "line", "external_id", "profile", "email", "merge_link"]}),
        (
            "Enrol by pictures",
            {
                "fields": list(PersonForm.enrolment_fields),
                "description": "A site whose policy is “off” recognises nobody, also nobody who is enrolled.",
            },
        ),
        (
            "Record a consent",
            {"fields": list(PersonForm.consent_fields), "description": "Required before a face is enrolled."},
        ),
    ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"user": request.user})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the enrolment fields only to users who may change the person."""
        fieldsets = super().get_fieldsets(request, obj)
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return fieldsets if may_write else fieldsets[:1]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        people = with_coffees_and_consent(super().get_queryset(request), now=timezone.now())
        return people.annotate(faces_counted=Count("consents__faces", distinct=True))

    @admin.display(description="Duplicate?")
    def merge_link(self, person: Person) -> str:
        if not person.pk:
            return "—"
        address = reverse("site-person-merge", args=[person.site.slug, person.pk])
        return format_html('<a href="{}">Merge into another person…</a>', address)

    @admin.display(description="Coffees", ordering="coffees_counted")
    def coffee_count(self, person: Any) -> int:
        return int(person.coffees_counted)

    @admin.display(description="Faces", ordering="faces_counted")
    def face_count(self, person: Any) -> int:
        return int(person.faces_counted)

    @admin.display(description="Consent in force", boolean=True, ordering="has_consent")
    def may_be_recognised(self, person: Any) -> bool:
        return bool(person.has_consent)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        try:
            form.enrol(obj)
        except (EnrolmentRefused, RecogniserUnavailable) as error:
            messages.error(request, f"{obj} is saved, but the face is not enrolled: {error}")

    @admin.action(description="Withdraw consent and remove the faces", permissions=["change"])
    def withdraw_consents(self, request: HttpRequest, people: QuerySet[Person]) -> None:
        for person in people:
            if not self._may_write(request, person):
                messages.error(request, f"You may not change {person}.")
                continue
            try:
                for consent in person.consents.all().to_withdraw():
                    withdraw_consent(consent=consent)
                messages.success(request, f"{person} is no longer recognised.")
            except RecogniserUnavailable as error:
                messages.error(request, f"Some faces of {person} are not removed yet; repeat the action. {error}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions without deletion, because an erasure may have to be repeated and is done one by one."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def delete_model(self, request: HttpRequest, obj: Person) -> None:
        """Erase the person after the admin's transaction, so that each step of the erasure is committed."""
        transaction.on_commit(partial(forget, person=obj, by=cast("User", request.user)))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except NotErasedYet as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:faces_person_change", args=[object_id]))


@dataclass(frozen=True)
class Picture:
    """A column or field with the picture of a capture, or of a coffee's capture, with a link for the request."""

    request: HttpRequest
    height: int
    short_description: ClassVar = "Picture"
    __name__: ClassVar = "picture"

    def __call__(self, subject: Capture | Coffee) -> str:
        capture = subject if isinstance(subject, Capture) else subject.sighting.capture
        if not capture.image:
            return "—"
        address = links.address(self.request, capture.pk)
        return format_html('<a href="{0}"><img src="{0}" alt="" height="{1}" loading="lazy"></a>', address, self.height)


class SightingInline(ReadOnlyInline):
    model = Sighting
    fields = ("person", "likeness")
    readonly_fields = fields

    @admin.display(description="Like the enrolled pictures")
    def likeness(self, sighting: Sighting) -> str:
        return words.likeness(sighting) or "—"


@admin.register(Capture)
class CaptureAdmin(ReadOnlyAdmin):
    for_operators = True
    list_display = ["taken_at", "device", "state", "attempts", "reason", "cups"]
    list_filter = ["state", ("device__site", OWN_ONLY), ("device", OWN_ONLY)]
    list_select_related = ["device"]
    date_hierarchy = "taken_at"
    inlines = [SightingInline]
    actions = ["recognise_anew"]
    exclude = ["image", "claimed_faces", "area", "key"]

    def get_list_display(self, request: HttpRequest) -> Any:
        first, second, *rest = super().get_list_display(request)
        return [first, second, Picture(request, height=90), *rest]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), Picture(request, height=240)]

    @admin.action(description="Recognise again", permissions=["recognise"])
    def recognise_anew(self, request: HttpRequest, captures: QuerySet[Capture]) -> None:
        for capture in captures.select_related("device"):
            if not self._may_write(request, capture):
                messages.error(request, f"You may not change {capture}.")
                continue
            try:
                recognise_again(capture=capture)
                messages.success(request, f"{capture} is queued for recognition.")
            except NotAgain as error:
                messages.error(request, str(error))

    def has_recognise_permission(self, request: HttpRequest) -> bool:
        return self._may_open(request)


@admin.register(Coffee)
class CoffeeAdmin(ScopedAdmin):
    for_operators = True
    form = ReviewForm
    list_display = ["taken_at", "person", "counts", "why", "device", "reviewed_by"]
    list_filter = ["voided", ("device__site", OWN_ONLY), ("device", OWN_ONLY)]
    list_select_related = ["device", "person", "reviewed_by"]
    search_fields = ["person__name"]
    date_hierarchy = "taken_at"
    coffee_fields = ["taken_at", "device", "person"]
    review_fields = ["reviewed_by", "reviewed_at"]

    @admin.display(description="Counts", ordering="voided")
    def counts(self, coffee: Coffee) -> str:
        """Return a word. A boolean column “voided” would show the admin's red cross beside every good coffee."""
        return "voided" if coffee.voided else "counts"

    @admin.display(description="Review reason", ordering="review_reason")
    def why(self, coffee: Coffee) -> str:
        return Truncator(coffee.review_reason).chars(40)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "show_delete": False})

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """A coffee is voided with a reason, or goes with its capture or camera; it is never deleted by itself."""
        raise PermissionDenied("Void the coffee with a reason instead.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.coffee_fields, Picture(request, height=240), *self.review_fields]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        *coffee_fields, by, at = self.get_readonly_fields(request, obj)
        return [*coffee_fields, "voided", "review_reason", by, at]

    def save_model(self, request: HttpRequest, obj: Coffee, form: Any, change: bool) -> None:
        review = void_coffee if obj.voided else restore_coffee
        if form.has_changed():
            review(coffee=obj, by=request.user, reason=obj.review_reason)  # type: ignore[arg-type]


@admin.register(SitePolicy)
class SitePolicyAdmin(SiteChoosingAdmin):
    form = PolicyForm
    list_display = ["site", "mode", "confirmed_by", "confirmed_at", "picture_hours", "unmatched_hours", "guest_days"]
    fields = [
        *("site", "mode", "confirmed", "confirmed_by", "confirmed_at"),
        *TERMS,
    ]
    readonly_fields = ["confirmed_by", "confirmed_at"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"user": request.user})

    def save_model(self, request: HttpRequest, obj: SitePolicy, form: Any, change: bool) -> None:
        terms = {name: getattr(obj, name) for name in TERMS}
        set_retention(site=obj.site, **terms)
        try:
            set_policy(site=obj.site, mode=obj.mode, confirmed_by=request.user)  # type: ignore[arg-type]
        except RecogniserUnavailable as error:
            messages.error(request, f"The policy is set, but some guests' faces are left; save again. {error}")


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    for_operators = True
    list_display = ["requested_at", "erased_at", "site", "counted", "erased_by", "reason"]
    list_filter = [("site", OWN_ONLY), ("erased_at", admin.EmptyFieldListFilter)]
    list_select_related = ["site", "erased_by"]

    @admin.display(description="Counts")
    def counted(self, erasure: Erasure) -> str:
        return ", ".join(f"{what}: {count}" for what, count in sorted(erasure.counts.items())) or "nothing yet"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

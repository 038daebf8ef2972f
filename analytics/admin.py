"""The admin of frames and detections: both are read-only, but a detection can be reviewed."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from analytics.counting import corrections
from analytics.features.galaxy.serving import admin as galaxy  # noqa: F401 - registers the admin of wall tokens
from analytics.models import Detection, Frame, OpeningException, OpeningPlan, Verdict
from analytics.models.opening import DAYS
from analytics.verdicts.proposed_hours import propose_plan
from devices.admin import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin
from devices.models import Device, Site
from devices.rules.roles import Right
from devices.rules.text import whole_number

if TYPE_CHECKING:
    from devices.models import User


class OwnDevicesFilter(admin.RelatedFieldListFilter):
    """A filter with the devices that the user may see; Django's own filter would disclose those of every site."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(device.pk), str(device)) for device in Device.objects.for_user(request.user)]


@admin.register(Frame)
class FrameAdmin(ReadOnlyAdmin):
    list_display = ["taken_at", "device", "faces", "received_at"]
    # Dates to choose from would need all frames; a filter by time needs none.
    list_filter = [("device", OwnDevicesFilter), "taken_at"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Frame]:
        return super().get_queryset(request).select_related("device")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Detection)
class DetectionAdmin(ReadOnlyAdmin):
    list_display = ["taken_at", "device", "label", "percent", "review"]
    list_filter = ["review", ("device", OwnDevicesFilter)]
    search_fields = ["=label"]
    search_help_text = "A label, such as thumbs-up."
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["call_right", "call_wrong", "take_back"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Detection]:
        return super().get_queryset(request).select_related("device")

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change detections; the service also checks the reviewer's role at the site."""
        return request.user.has_perm("analytics.change_detection")

    @admin.display(description="Confidence", ordering="confidence")
    def percent(self, detection: Detection) -> str:
        return f"{detection.confidence:.1%}"

    @admin.action(description="Call right: the object was there", permissions=["review"])
    def call_right(self, request: HttpRequest, detections: QuerySet[Detection]) -> None:
        _review(request, detections, Verdict.RIGHT)

    @admin.action(description="Call wrong: the detection counts nowhere", permissions=["review"])
    def call_wrong(self, request: HttpRequest, detections: QuerySet[Detection]) -> None:
        _review(request, detections, Verdict.WRONG)

    @admin.action(description="Withdraw the verdict", permissions=["review"])
    def take_back(self, request: HttpRequest, detections: QuerySet[Detection]) -> None:
        _review(request, detections, None)


@admin.register(OpeningPlan)
class OpeningPlanAdmin(ScopedAdmin):
    """Adds and changes opening hours. The form of a new plan proposes what was seen at the site `?site=`, a key."""

    list_display = ["site", "since", *DAYS]
    list_filter = [("site", OWN_ONLY)]
    list_select_related = ["site"]
    fieldsets = [
        (
            None,
            {"fields": ["site", "since"], "description": "When the hours change, add a plan."},
        ),
        ("Hours", {"fields": DAYS}),
        ("Public holidays", {"fields": ["country", "region", "holiday"]}),
    ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        sites = Site.objects.all().permitted(request.user, Right.OPERATE)
        asked = request.GET.get("site", "")
        if asked:
            sites = sites.filter(pk=whole_number(asked))
        found, initial = list(sites[:2]), dict(super().get_changeform_initial_data(request))
        if len(found) != 1:
            return initial
        return {"site": found[0].pk, **propose_plan(found[0], now=timezone.now()), **initial}


@admin.register(OpeningException)
class OpeningExceptionAdmin(ScopedAdmin):
    list_display = ["site", "date", "hours", "note"]
    list_filter = [("site", OWN_ONLY)]
    list_select_related = ["site"]
    date_hierarchy = "date"


def _review(request: HttpRequest, detections: QuerySet[Detection], verdict: Verdict | None) -> None:
    reviewed, refusals = 0, set()
    for detection in detections.select_related("device__site"):
        try:
            corrections.review(verdicts={detection: verdict}, by=cast("User", request.user), now=timezone.now())
            reviewed += 1
        except PermissionDenied as refusal:
            refusals.add(str(refusal))
    for sentence in sorted(refusals):
        messages.error(request, sentence)
    if reviewed:
        messages.success(request, f"{reviewed} reviewed; the tallies are corrected.")

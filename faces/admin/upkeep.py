"""The admin of merges, notices of erasure, and the monthly calls to recognisers."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.admin import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin
from faces.models import ErasureNotice, Merge, RecogniserMonth
from faces.recognisers.budget import monthly_limit
from faces.services import MergeRefused, undo_merge


@admin.register(Merge)
class MergeAdmin(ScopedAdmin):
    """The history of merges, which can be undone here. Two people are merged where both are shown beside each other."""

    for_operators = True
    list_display = ["merged_at", "site", "other", "person", "coffees", "merged_by", "undone_at", "undone_by"]
    list_filter = [("site", OWN_ONLY), ("undone_at", admin.EmptyFieldListFilter)]
    list_select_related = ["site", "person", "merged_by", "undone_by"]
    actions = ["undo"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = ("id", "moved", "voided", "other_details", "taken_over")
        return [field.name for field in Merge._meta.fields if field.name not in hidden]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Two people are merged on the page of one of them, which shows both."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return self._may_open(request)

    @admin.display(description="Who")
    def other(self, merge: Merge) -> str:
        return merge.other_name or f"person {merge.other_number}"

    @admin.display(description="Coffees")
    def coffees(self, merge: Merge) -> int:
        return len(merge.moved["coffees"])

    @admin.action(description="Undo the merge", permissions=["undo"])
    def undo(self, request: HttpRequest, merges: QuerySet[Merge]) -> None:
        for merge in merges:
            if not self._may_write(request, merge):
                messages.error(request, f"You may not change {merge}.")
                continue
            try:
                person = undo_merge(merge=merge, by=request.user)  # type: ignore[arg-type]
                messages.success(request, f"{person} is a separate person again.")
            except MergeRefused as error:
                messages.error(request, str(error))


@admin.register(RecogniserMonth)
class RecogniserMonthAdmin(ReadOnlyAdmin):
    list_display = ["month", "provider", "calls", "limit"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Limit")
    def limit(self, month: RecogniserMonth) -> int | None:
        return monthly_limit(month.provider)


@admin.register(ErasureNotice)
class ErasureNoticeAdmin(ReadOnlyAdmin):
    """The announced erasures of people."""

    for_operators = True

    list_display = ["erase_at", "person", "site", "last_seen_at", "noticed_at", "problem"]
    list_filter = [("person__site", OWN_ONLY)]
    list_select_related = ["person__site"]
    search_fields = ["person__name"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(ordering="person__site")
    def site(self, notice: ErasureNotice) -> str:
        return str(notice.person.site)

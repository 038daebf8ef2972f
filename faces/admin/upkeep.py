"""The admin of merges, notices of erasure, and the monthly calls to recognisers."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.admin import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin
from devices.rules.roles import Right
from faces.admin.forms import MergeForm
from faces.models import ErasureNotice, Merge, Person, RecogniserMonth
from faces.recognisers.budget import monthly_limit
from faces.services import MergeRefused, merge_people, undo_merge


@admin.register(Merge)
class MergeAdmin(ScopedAdmin):
    """Adding a merge merges two people. The list is the history of merges, which can be undone there."""

    for_operators = True
    form = MergeForm
    list_display = ["merged_at", "site", "other", "person", "coffees", "merged_by", "undone_at", "undone_by"]
    list_filter = [("site", OWN_ONLY), ("undone_at", admin.EmptyFieldListFilter)]
    list_select_related = ["site", "person", "merged_by", "undone_by"]
    fields = ["other", "person"]
    actions = ["undo"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"people": self._people(request)})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "person":
            kwargs["queryset"] = self._people(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fields
        return [field.name for field in Merge._meta.fields if field.name not in ("id", "moved", "voided")]

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

    def save_model(self, request: HttpRequest, obj: Merge, form: Any, change: bool) -> None:
        done = merge_people(other=form.cleaned_data["other"], into=obj.person, by=request.user)  # type: ignore[arg-type]
        obj.pk = done.pk
        obj.refresh_from_db()

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

    @staticmethod
    def _people(request: HttpRequest) -> QuerySet[Person]:
        people = Person.objects.all().permitted(request.user, Right.OPERATE)
        return people.select_related("site").order_by("site__name", "name", "pk")


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

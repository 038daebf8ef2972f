"""The base classes of every model's admin: they limit staff to the sites at which they have a role."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.querysets import SiteScopedQuerySet
from devices.roles import Right

OWN_ONLY = admin.RelatedOnlyFieldListFilter
"""Offers only the values that occur in the list. Django's default filter would name the sites of other people."""


class ScopedAdmin(admin.ModelAdmin[Any]):
    """An admin that shows staff the rows of their own sites, and lets them change the rows of sites they may operate.

    Superusers see and change everything. Django's model permissions still decide which models a member of the staff
    may change at all.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).for_user(request.user)  # type: ignore[attr-defined, no-any-return]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**_choices(db_field, request), **kwargs})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{**_choices(db_field, request), **kwargs})

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_write(request, obj)

    def _may_write(self, request: HttpRequest, obj: models.Model | None) -> bool:
        """Whether the user's roles allow a change of this object; without an object, whether the model is for staff.

        Objects that belong to no site are for superusers alone.
        """
        if obj is None:
            return True
        queryset = type(obj)._default_manager.all()
        if not isinstance(queryset, SiteScopedQuerySet):
            return bool(request.user.is_superuser)
        return queryset.permitted(request.user, Right.OPERATE).filter(pk=obj.pk).exists()


def _choices(db_field: Any, request: HttpRequest) -> dict[str, QuerySet[Any]]:
    """The `queryset` argument of a form field: only the objects of sites that the user may operate."""
    rows = db_field.remote_field.model._default_manager.all()
    return {"queryset": rows.permitted(request.user, Right.OPERATE)} if isinstance(rows, SiteScopedQuerySet) else {}


class ReadOnlyAdmin(ScopedAdmin):
    """An admin for rows that only the product itself writes. They may be deleted, but not added or changed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

"""The base classes of every model's admin: who may open it is decided by roles, as on pages, and not by permissions."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.models import Site
from devices.rules.roles import Right
from devices.storage.querysets import SiteScopedQuerySet

OWN_ONLY = admin.RelatedOnlyFieldListFilter
"""Offers only the values that occur in the list. Django's default filter would name the sites of other people."""


def may_open_admin(request: HttpRequest) -> bool:
    """Whether the user may open the admin: administrators of the installation, and operators and owners of a site."""
    if _is_administrator(request):
        return True
    # One page of the admin asks for each model.
    known: bool | None = request.__dict__.get("may_open_admin")
    if known is None:
        known = Site.objects.all().permitted(request.user, Right.OPERATE).exists()
        request.__dict__["may_open_admin"] = known
    return known


def _is_administrator(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser


class ScopedAdmin(admin.ModelAdmin[Any]):
    """An admin for administrators of the installation alone, who see and change everything.

    Where `for_operators` is set, operators and owners of a site may open it too. They see and change the rows of the
    sites that they may operate.
    """

    for_operators = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        scoped = isinstance(rows, SiteScopedQuerySet)
        own: QuerySet[Any] = rows.permitted(request.user, Right.OPERATE) if scoped else rows.for_user(request.user)
        return own

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**_choices(db_field, request), **kwargs})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{**_choices(db_field, request), **kwargs})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may_open(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may_open(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_open(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may_open(request) and self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may_open(request) and self._may_write(request, obj)

    def _may_open(self, request: HttpRequest) -> bool:
        return may_open_admin(request) if self.for_operators else _is_administrator(request)

    def _may_write(self, request: HttpRequest, obj: models.Model | None) -> bool:
        """Whether the user's roles allow a change of this object; without an object, of any.

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

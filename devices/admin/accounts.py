"""The admin of accounts, without permissions: what somebody may do is decided by roles at sites."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from devices.admin.base import ScopedAdmin
from devices.managing.members.services import only_owner_of

admin.site.unregister([Group, User])


class AccountForm(UserChangeForm):  # type: ignore[type-arg]
    """Refuses to close the account of somebody who is the only owner of a site."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if "is_active" in self.changed_data and not self.cleaned_data["is_active"]:
            _check_sites_keep_owners(self.instance)
        return cleaned


@admin.register(User)
class AccountAdmin(ScopedAdmin, UserAdmin):  # type: ignore[type-arg]
    form = AccountForm
    list_display = ["username", "email", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    filter_horizontal = ()
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("About", {"fields": ["first_name", "last_name", "email"]}),
        ("Rights", {"fields": ["is_active", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return User._default_manager.all()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid the deletion of the only owner of a site: make somebody else owner first."""
        return super().has_delete_permission(request, obj) and not (obj is not None and only_owner_of(obj))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: type[forms.ModelForm[Any]] = super().get_form(request, obj, change=change, **kwargs)
        if "is_superuser" in form.base_fields:
            form.base_fields["is_superuser"].label = "Administrator of the installation"
            form.base_fields["is_superuser"].help_text = "Sees and changes every site."
        return form


def _check_sites_keep_owners(user: User) -> None:
    sites = ", ".join(site.name for site in only_owner_of(user))
    if sites:
        raise ValidationError(f"{user} is the only owner of {sites}. Make somebody else owner first.")

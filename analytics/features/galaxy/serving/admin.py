"""The admin of wall tokens: staff create and delete them but never change them; a token's text is shown once."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from analytics.features.galaxy.serving import services
from analytics.models.walls import WallToken
from devices.admin import ScopedAdmin

if TYPE_CHECKING:
    from devices.models import User

DEFAULT_SCREENS = 3
"""The number of screens on the set-up page that a new token links to."""


@admin.register(WallToken)
class WallTokenAdmin(ScopedAdmin):
    list_display = ["name", "site_names", "created_at", "created_by"]
    fields = ["name", "sites"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> WallToken:
        values = form.cleaned_data
        token, text = services.create_wall_token(
            name=values["name"], sites=list(values["sites"]), by=cast("User", request.user)
        )
        form.instance, form.save_m2m = token, lambda: None
        address = reverse("wall-setup", args=[text, DEFAULT_SCREENS])
        messages.warning(
            request,
            format_html(
                "Token of {}: <code>{}</code> — shown only now. <a href='{}'>Set it up</a>", token, text, address
            ),
        )
        return token

    def save_model(self, request: HttpRequest, obj: Any, form: "forms.ModelForm[Any]", change: bool) -> None:
        """Do nothing: `save_form` has saved the token through the service."""

    @admin.display(description="Sites")
    def site_names(self, token: WallToken) -> str:
        return ", ".join(site.name for site in token.sites.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("sites")

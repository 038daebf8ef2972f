"""The admin of each model of this app."""

from functools import partial
from typing import Any

import msgspec
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html

from devices import services
from devices.admin.base import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin
from devices.intake.quarantine import quarantined_counts
from devices.intake.replay import replay_all
from devices.managing.forms import NewSiteForm
from devices.managing.places.device_form import OF_THING, DeviceForm, settings_table
from devices.models import ApiToken, Device, DeviceLog, Membership, QuarantinedMessage, Reason, Site
from devices.mqtt import settings
from devices.mqtt.broker import BrokerUnavailable
from devices.rules.roles import Right


class MembershipInline(admin.TabularInline[Membership, Site]):
    """Shows the members of a site. Only superusers add some; a role is changed, and a member removed, on the page."""

    model = Membership
    extra = 0
    autocomplete_fields = ["user"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Site)
class SiteAdmin(ScopedAdmin):
    list_display = ["name", "slug", "timezone", "device_count"]
    search_fields = ["name", "slug"]
    form = NewSiteForm
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        sites: QuerySet[Any] = super().get_queryset(request)
        here = models.Q(devices__until=None)
        counted: QuerySet[Any] = sites.annotate(count_of_devices=models.Count("devices", filter=here))
        return counted

    @admin.display(description="Devices", ordering="count_of_devices")
    def device_count(self, site: Any) -> int:
        return int(site.count_of_devices)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Lists members. The page of a site's members changes them, because there a site keeps an owner."""

    list_display = ["user", "site", "role"]
    list_filter = [("site", OWN_ONLY), "role"]

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Device)
class DeviceAdmin(ScopedAdmin):
    list_display = ["name", "site", "thing_name", "since", "until", "last_seen", "online", "in_quarantine"]
    list_filter = [("site", OWN_ONLY), ("until", admin.EmptyFieldListFilter)]
    search_fields = ["name", "thing__name"]
    list_select_related = ["site", "thing__state"]
    form = DeviceForm
    readonly_fields = ["since", "until", "settings_in_force"]
    actions = ["issue_token", "send_settings", "retire"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Let superusers alone set a device's bucket: whoever sets it decides whose pictures the device has."""
        fields = [*super().get_readonly_fields(request, obj), *(["site"] if obj is not None else [])]
        return fields if request.user.is_superuser else [*fields, "bucket", "bucket_prefix"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        devices: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = devices.annotate(quarantined_count=models.Count("quarantined"))
        return counted

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid changes of a device whose thing has left: its token and settings are those of another place now."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_open)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse to delete a device that was heard, because all its numbers would be deleted with it."""
        device = self.get_object(request, object_id)
        if device is not None and self.has_delete_permission(request, device):
            try:
                services.check_deletion(device=device)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
                return redirect("admin:devices_device_change", device.pk)
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, device: Device) -> None:
        services.delete_device(device=device)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Remove Django's bulk deletion, which would read all frames of the devices before it asks for confirmation."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    @admin.display(description="Last seen", ordering="thing__state__last_seen_at")
    def last_seen(self, device: Device) -> Any:
        return device.latest_state and device.latest_state.last_seen_at

    @admin.display(boolean=True, ordering="thing__state__online")
    def online(self, device: Device) -> bool | None:
        state = device.latest_state
        return None if state is None else state.online

    @admin.display(description="In quarantine", ordering="quarantined_count")
    def in_quarantine(self, device: Any) -> int:
        return int(device.quarantined_count)

    @admin.display(description="Bucket")
    def bucket(self, device: Device) -> str:
        return device.thing.bucket if device.is_open else ""

    @admin.display(description="Prefix in the bucket")
    def bucket_prefix(self, device: Device) -> str:
        return device.thing.bucket_prefix if device.is_open else ""

    @admin.display(description="Desired and reported")
    def settings_in_force(self, device: Device) -> str:
        return settings_table(device)

    def save_model(self, request: HttpRequest, device: Device, form: Any, change: bool) -> None:
        values, settings = form.cleaned_data, form.settings()
        written = form.write_place(values)
        device.pk, device.thing, device.since = written.pk, written.thing, written.since
        sought = ("faces_sought", "labels_sought", "waits_between_uploads")
        if change and any(values[name] != getattr(written, name) for name in sought):
            device.sought_is_corrected = True
        device.save()
        thing = written.thing
        of_thing = [name for name in OF_THING if name in values]
        for name in of_thing:
            setattr(thing, name, values[name])
        thing.save(update_fields=of_thing)
        if msgspec.to_builtins(settings) != thing.desired_config:
            services.configure_device(device=written, settings=settings, now=timezone.now())
            transaction.on_commit(partial(self._send_settings, request, device))

    @admin.action(description="Send the desired settings again", permissions=["change"])
    def send_settings(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        for device in devices:
            if not self._may_change(request, device):
                continue
            if self._send_settings(request, device):
                messages.success(request, f"The settings of {device} were sent.")

    def _send_settings(self, request: HttpRequest, device: Device) -> bool:
        try:
            settings.send_config(thing=device.thing)
        except BrokerUnavailable as error:
            messages.error(
                request,
                f"The settings of {device} are saved, but could not be sent yet. Headcount tries every minute. {error}",
            )
            return False
        return True

    @admin.action(description="Issue a new token (the old one stops working)", permissions=["change"])
    def issue_token(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        for device in devices:
            if not self._may_change(request, device):
                continue
            token = services.issue_device_token(device=device)
            messages.success(request, format_html("Token of {}: <code>{}</code> — shown only now.", device, token))

    @admin.action(description="Retire: the camera has left its place", permissions=["change"])
    def retire(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        for device in devices:
            if not self._may_change(request, device):
                continue
            try:
                services.retire_device(device=device, at=timezone.now())
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, f"{device} has left {device.site}. What it saw stays there.")

    def _may_change(self, request: HttpRequest, device: Device) -> bool:
        """Whether the user may change the device; otherwise a message says why not."""
        if not self._may_write(request, device):
            messages.error(request, f"Your role does not allow you to change {device}.")
        elif not device.is_open:
            messages.error(request, f"{device} has left {device.site}.")
        else:
            return True
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Lists tokens and revokes them by deletion. Users make their own tokens on the account page."""

    list_display = ["name", "user", "created_at", "used_at"]
    search_fields = ["name", "user__username"]
    list_select_related = ["user"]
    fields = ["name", "user", "created_at", "used_at"]


@admin.register(DeviceLog)
class DeviceLogAdmin(ReadOnlyAdmin):
    list_display = ["at", "device", "level", "text"]
    list_filter = ["level", ("device__site", OWN_ONLY), ("device", OWN_ONLY)]
    search_fields = ["text"]
    list_select_related = ["device"]
    date_hierarchy = "at"


@admin.register(QuarantinedMessage)
class QuarantinedMessageAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "device", "reason", "detail", "topic", "replayed_at"]
    list_filter = ["reason", ("device", OWN_ONLY), ("replayed_at", admin.EmptyFieldListFilter)]
    search_fields = ["topic", "detail"]
    list_select_related = ["device"]
    date_hierarchy = "received_at"
    fields = ["received_at", "topic", "device", "reason", "detail", "text", "replayed_at"]
    readonly_fields = ["text"]
    actions = ["replay"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("payload")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        meanings = dict(Reason.choices)
        counts = [
            (row.site, row.device, row.reason, meanings[row.reason], row.messages)
            for row in quarantined_counts(self.get_queryset(request))
        ]
        return super().changelist_view(request, {**(extra_context or {}), "quarantined_counts": counts})

    @admin.action(description="Replay: try again to take these messages in")
    def replay(self, request: HttpRequest, selected: QuerySet[QuarantinedMessage]) -> None:
        ours = selected.permitted(request.user, Right.OPERATE)  # type: ignore[attr-defined]
        refused = selected.exclude(pk__in=ours.values("pk")).count()
        messages.info(request, str(replay_all(messages=ours, now=timezone.now())))
        if refused:
            messages.error(request, f"Your role does not allow you to replay {refused} of the selected messages.")

    @admin.display(description="Payload")
    def text(self, message: QuarantinedMessage) -> str:
        return format_html("<pre>{}</pre>", bytes(message.payload)[:20_000].decode("utf-8", "backslashreplace"))

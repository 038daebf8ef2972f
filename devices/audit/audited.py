"""The models of this app whose changes are recorded."""

from django.contrib.auth import get_user_model

from devices.audit.recording import Audited, audit
from devices.models import ApiToken, Device, Invitation, Membership, Site, Thing


def audit_models() -> None:
    """Record the changes of sites, roles, invitations, devices, things, API tokens and accounts."""
    audit(
        Site,
        Audited(
            "site",
            ["name", "slug", "timezone", "address", "latitude", "longitude"],
            site=lambda site: site.pk,
            label=lambda site: site.name,
        ),
    )
    audit(
        Membership,
        Audited("role", ["role"], site=lambda role: role.site_id, about=lambda role: role.user_id),
    )
    audit(Invitation, Audited("invitation", ["role", "expires_at"], site=lambda invitation: invitation.site_id))
    audit(
        Device,
        Audited(
            "device",
            ["name", "thing_id", "since", "until", "faces_sought", "labels_sought", "sought_is_corrected"],
            site=lambda device: device.site_id,
            label=lambda device: device.name,
        ),
    )
    audit(
        Thing,
        Audited(
            "camera",
            ["name", "clock_timezone", "bucket", "bucket_prefix", "desired_config"],
            hidden=["token_digest"],
            site=_site_of_thing,
            label=lambda thing: thing.name,
        ),
    )
    audit(
        ApiToken,
        Audited("API token", ["only_reads", "expires_at"], about=lambda token: token.user_id),
    )
    audit(
        get_user_model(),
        Audited(
            "account",
            ["is_active", "is_staff", "is_superuser"],
            hidden=["username", "email", "password"],
            about=lambda user: user.pk,
        ),
    )


def _site_of_thing(thing: Thing) -> int | None:
    """Return the key of the site where the thing is now, or was last."""
    devices = Device.objects.filter(thing=thing)
    here = devices.open().values_list("site_id", flat=True).first()
    return here if here is not None else devices.order_by("-until").values_list("site_id", flat=True).first()

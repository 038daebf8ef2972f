"""Every write of adding a camera: registering it, its claim code, the claim of a box, and the end of the set-up."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F

from devices import services
from devices.audit.recording import record
from devices.cameras.adding import codes
from devices.cameras.credentials import issuing
from devices.managing import names
from devices.models import Action, BoxReport, CameraClaim, Device, Site, Thing
from edge_agent.text.urls import split_url

if TYPE_CHECKING:
    from devices.models import User

VIEWS_FOR = dt.timedelta(minutes=15)
"""After a box was claimed, its views are taken for so long: time to aim a camera."""


class Kind(models.TextChoices):
    """What sends the messages of a new camera."""

    WEBCAM = "webcam", "a webcam at the computer where you run the command"
    RTSP = "rtsp", "a network camera (RTSP)"
    DEEPLENS = "deeplens", "an AWS DeepLens"
    S3 = "s3", "a camera that puts its pictures into an S3 bucket"

    @property
    def has_box(self) -> bool:
        """Whether an agent runs for it, which is set up by a command."""
        return self in (Kind.WEBCAM, Kind.RTSP)


@dataclass(frozen=True)
class NewCamera:
    """What somebody says of a new camera. An empty text stands for what is not said."""

    name: str
    """As people call it, such as “Front desk”."""
    kind: str
    address: str = ""
    """The RTSP or HTTP URL of a network camera."""
    thing_name: str = ""
    """The name that a DeepLens has already. Every other camera is given one."""
    bucket: str = ""
    prefix: str = ""


class CodeRefused(Exception):
    """The claim code is of no use. The message is one sentence, which says what to do."""


@dataclass(frozen=True)
class Claimed:
    """What a box gets for its code."""

    thing: Thing
    token: str
    source: str
    mqtt_url: str
    mqtt_ca: str = ""
    mqtt_cert: str = ""
    mqtt_key: str = ""


@transaction.atomic
def add_camera(*, site: Site, camera: NewCamera, by: "User | None" = None, now: dt.datetime) -> Device:
    """Register the camera at the site, with a claim where a box is to be set up for it, and return its device.

    Raises `ValidationError`, whose keys are the fields of `NewCamera`.
    """
    if camera.kind not in Kind:
        raise ValidationError({"kind": f"There is no kind “{camera.kind}”. The kinds are {', '.join(Kind.values)}."})
    kind = Kind(camera.kind)
    problems = _problems(camera, kind)
    try:
        spot = names.spot_name(site, camera.name)
    except ValidationError as error:
        problems["name"] = error.messages[0]
    if problems:
        raise ValidationError(problems)
    thing_name = camera.thing_name.strip() if kind is Kind.DEEPLENS else names.new_thing_name(spot)
    try:
        device = services.register_device(site=site, name=spot, thing_name=thing_name, by=by)
    except ValidationError as error:
        raise ValidationError({"thing_name" if kind is Kind.DEEPLENS else "name": error.messages}) from None
    if kind is Kind.S3:
        thing = device.thing
        thing.bucket, thing.bucket_prefix = camera.bucket.strip(), camera.prefix.strip()
        thing.save(update_fields=["bucket", "bucket_prefix"])
    if kind.has_box:
        make_claim(device=device, source="0" if kind is Kind.WEBCAM else camera.address.strip(), now=now)
    return device


def _problems(camera: NewCamera, kind: Kind) -> dict[str, str]:
    problems = {}
    if kind is Kind.RTSP and (problem := _problem_of_address(camera.address.strip())):
        problems["address"] = problem
    if kind is Kind.DEEPLENS and not camera.thing_name.strip():
        problems["thing_name"] = "Give the thing name that AWS shows for this DeepLens, such as deeplens_HoVip9KQTX."
    if kind is Kind.S3 and not camera.bucket.strip():
        problems["bucket"] = "Give the name of the bucket into which the camera puts its pictures."
    return problems


def _problem_of_address(address: str) -> str:
    """Return what is wrong with the address of a network camera; "" if nothing is. Never repeats a part of it."""
    try:
        parts = split_url(address)
    except ValueError as error:
        return f"The address {error}."
    if parts.scheme not in ("rtsp", "rtsps", "http", "https") or not parts.hostname:
        return "Give the camera's address, such as rtsp://user:password@192.168.1.20/stream1."
    return ""


@transaction.atomic
def make_claim(*, device: Device, now: dt.datetime, source: str | None = None) -> str:
    """Give the thing a new claim, in place of an earlier one, and return its code.

    Without `source`, the box keeps the camera that it has, or gets the one that an unused claim names.
    """
    former = CameraClaim.objects.select_for_update().filter(thing=device.thing).first()
    if source is None:
        source = former.source if former is not None else ""
    while True:
        handle = codes.new_handle()
        if not CameraClaim.objects.filter(handle=handle).exists():
            break
    CameraClaim.objects.update_or_create(
        thing=device.thing,
        defaults={
            "handle": handle,
            "source": source,
            "created_at": now,
            "expires_at": now + codes.LASTS,
            "failed_attempts": 0,
            "claimed_at": None,
        },
    )
    record(action=Action.ADDED, subject="claim code", label=device.name, number=device.pk, site=device.site_id)
    return codes.code_of(handle, now)


def open_code(claim: CameraClaim, now: dt.datetime) -> str:
    """Return the code of this claim; "" if it is used, void or expired."""
    return codes.code_of(claim.handle, claim.created_at) if _is_open(claim, now) else ""


def claim_box(*, code: str, software: str, now: dt.datetime) -> Claimed:
    """Use this code up, and return what the box gets for it: a new device token, and credentials for the broker.

    A wrong code counts against the claim whose handle it names; after `codes.MOST_FAILED_ATTEMPTS` the claim is void.
    Raises `CodeRefused`, and `issuing.CredentialsUnavailable`, after which the same code may be tried again.
    """
    claim = _use_up(code, now)
    thing = claim.thing
    device = Device.objects.open().filter(thing__pk=thing.pk).select_related("thing").first()
    if device is None:
        raise CodeRefused(f"The camera {thing} is at no place any more. Add it again.")
    try:
        issued = issuing.issue(thing_name=thing.name, thing_pk=thing.pk)
    except issuing.CredentialsUnavailable:
        CameraClaim.objects.filter(pk=claim.pk).update(claimed_at=None)
        raise
    token = services.issue_device_token(device=device)
    CameraClaim.objects.filter(pk=claim.pk).update(source="")
    BoxReport.objects.update_or_create(
        thing=thing, defaults={"received_at": now, "version": "", "trouble": "", "view": None, "viewed_at": None}
    )
    return Claimed(
        thing=device.thing,
        token=token,
        source=claim.source,
        mqtt_url=_url_for(issued),
        mqtt_ca=_authority(),
        mqtt_cert=issued.certificate if issued else "",
        mqtt_key=issued.key if issued else "",
    )


def _use_up(code: str, now: dt.datetime) -> CameraClaim:
    unknown = CodeRefused("There is no such code. Copy the whole command from the camera's page.")
    handle = codes.handle_of(code)
    if not handle:
        raise unknown
    with transaction.atomic():
        claim = CameraClaim.objects.select_for_update().filter(handle=handle).select_related("thing").first()
        if claim is None:
            raise unknown
        is_right = codes.proves(code, claim.handle, claim.created_at)
        if is_right and _is_open(claim, now):
            CameraClaim.objects.filter(pk=claim.pk).update(claimed_at=now)
            return claim
        if not is_right:
            CameraClaim.objects.filter(pk=claim.pk).update(failed_attempts=F("failed_attempts") + 1)
    if not is_right:
        raise unknown
    raise CodeRefused("This code was used or has expired. Make a new one on the camera's page.")


def _is_open(claim: CameraClaim, now: dt.datetime) -> bool:
    is_void = claim.failed_attempts >= codes.MOST_FAILED_ATTEMPTS
    return claim.claimed_at is None and claim.expires_at > now and not is_void


def _url_for(issued: issuing.Credentials | None) -> str:
    address: str = settings.DEVICES_MQTT_URL
    if issued is None or not issued.username:
        return address
    url = urlsplit(address)
    user = f"{quote(issued.username, safe='')}:{quote(issued.password, safe='')}"
    return url._replace(netloc=f"{user}@{url.netloc}").geturl()


def _authority() -> str:
    if not settings.DEVICES_MQTT_CA_FILE:
        return ""
    with open(settings.DEVICES_MQTT_CA_FILE, encoding="ascii", errors="replace") as file:
        return file.read()


def wants_views(claim: CameraClaim | None, now: dt.datetime) -> bool:
    """Whether somebody is setting the camera up, so that its box shall show what the camera sees."""
    return claim is not None and claim.claimed_at is not None and now - claim.claimed_at < VIEWS_FOR


def take_report(*, thing: Thing, version: str, trouble: str, view: bytes | None, now: dt.datetime) -> None:
    """Store what the box of the thing reports. Without a `view` the latest one stays."""
    values: dict[str, object] = {"received_at": now, "version": version, "trouble": trouble}
    if view is not None:
        values |= {"view": view, "viewed_at": now}
    try:
        BoxReport.objects.update_or_create(thing=thing, defaults=values)
    except IntegrityError:
        return  # The thing was deleted meanwhile.


@transaction.atomic
def finish_setup(*, thing: Thing) -> None:
    """End the set-up: the code opens nothing any more, and the view is deleted."""
    CameraClaim.objects.filter(thing=thing).delete()
    BoxReport.objects.filter(thing=thing).update(view=None, viewed_at=None)


def end_old_setups(*, now: dt.datetime) -> int:
    """Delete the views of set-ups that are past their time, and the camera addresses of expired claims."""
    CameraClaim.objects.filter(expires_at__lte=now, claimed_at=None).exclude(source="").update(source="")
    return BoxReport.objects.filter(viewed_at__lte=now - VIEWS_FOR).update(view=None, viewed_at=None)

"""Serializers of captures, people, coffees, merges and the leaderboard."""

import base64
import binascii
import datetime as dt
import hashlib
from typing import Annotated, Any

import msgspec
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import Throttled

from devices.models import Device, Site, Thing
from devices.reading import decoding
from devices.reading.decoding import Rejection
from devices.reading.picture_budget import OverBudget, budget_of
from devices.reading.pictures import MAX_BYTES, BadPicture
from devices.rest.parameters import KnownFieldsOnly
from edge_agent.messages import MAX_LOOKS, Box, Face, Look
from edge_agent.text.plain_words import sentence
from faces.coffees.leaderboard import LONGEST_STREAK, LeaderboardRow
from faces.models import Capture, Coffee, Merge, Person, Shows, Sighting
from faces.models.querysets import PERIODS
from faces.pictures import links

MAX_BASE64 = MAX_BYTES * 4 // 3 + 4
"""Characters of base64 in which a picture of `MAX_BYTES` fits."""

DEFAULT_ROWS = 100
MOST_ROWS = 1000
"""The highest number of people on a leaderboard."""

_Faces = Annotated[tuple[Face, ...], msgspec.Meta(max_length=100)]
_Looks = Annotated[tuple[Look, ...], msgspec.Meta(max_length=MAX_LOOKS)]

BOX = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4, "nullable": True}


@extend_schema_field(BOX)
class BoxField(serializers.JSONField):
    """Left, top, width, height in pixels of the picture."""


class PersonNameSerializer(serializers.ModelSerializer[Person]):
    class Meta:
        model = Person
        fields = ["id", "name"]


class ExternalIdField(serializers.CharField):
    """The service checks the characters, so that the description of the field is one type and not two."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=255,
            allow_blank=True,
            help_text="Another system's name of the person, unique at the site; “a” to “z”, digits and “_.-:”.",
            **options,
        )


class PersonSerializer(serializers.ModelSerializer[Person]):
    external_id = ExternalIdField(read_only=True)
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    guest = serializers.SerializerMethodField(help_text="Whether the person is a guest with a number.")
    coffees = serializers.IntegerField(source="coffees_counted", read_only=True)
    consent = serializers.BooleanField(
        source="has_consent",
        read_only=True,
        help_text="Whether a consent of the person is in force.",
    )

    class Meta:
        model = Person
        fields = ["id", "site", "name", "line", "external_id", "profile", "guest", "coffees", "consent", "created_at"]

    def get_guest(self, person: Person) -> bool:
        return person.guest_number is not None


class SightingSerializer(serializers.ModelSerializer[Sighting]):
    person = PersonNameSerializer(read_only=True, allow_null=True)
    box = BoxField(read_only=True)

    class Meta:
        model = Sighting
        fields = ["number", "person", "confidence", "similarity", "box"]


class CaptureSerializer(serializers.ModelSerializer[Capture]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True, source="device.site")
    device = serializers.SlugRelatedField[Device](slug_field="name", read_only=True)
    sightings = SightingSerializer(many=True, read_only=True)
    image = serializers.SerializerMethodField(
        help_text="URL of the picture, if it is stored; valid for you only, for some minutes."
    )

    area = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        read_only=True,
        help_text="Part of the original frame that the picture shows: [left, top, width, height] in its pixels.",
    )

    class Meta:
        model = Capture
        fields = [
            "id",
            "site",
            "device",
            "taken_at",
            "received_at",
            "shows",
            "area",
            "image",
            "source_url",
            "state",
            "attempts",
            "reason",
            "recognised_at",
            "cups",
            "sightings",
        ]

    def get_image(self, capture: Capture) -> str | None:
        if not capture.image:
            return None
        request = self.context["request"]
        return str(request.build_absolute_uri(links.address(request, capture.pk, view="capture-picture")))


class NewCaptureSerializer(serializers.Serializer[dict[str, Any]]):
    """A picture: as a file in a multipart form, or as base64 in JSON."""

    device = serializers.CharField(required=False, help_text="The device's id; not needed with a device's token.")
    taken_at = serializers.DateTimeField(required=False, help_text="The current time if omitted.")
    shows = serializers.ChoiceField(choices=Shows.choices, default=Shows.FRAME)
    image = serializers.FileField(required=False, help_text="JPEG or PNG, at most 5 MiB and 25 megapixels.")
    image_string = serializers.CharField(
        required=False, max_length=MAX_BASE64, help_text="The picture as base64.", write_only=True
    )
    faces = serializers.JSONField(
        required=False, help_text="Faces that the device detected: confidence, and box in pixels of the picture."
    )
    looks = serializers.JSONField(
        required=False,
        help_text="Looks at these faces in earlier frames, which vote on whose they are: the index of the face, and a "
        "small JPEG as base64 (`image_string`). They are not kept.",
    )
    area = BoxField(
        default=None,
        allow_null=True,
        help_text="Part of the original frame that the picture shows: [left, top, width, height] in its pixels.",
    )

    def validate_taken_at(self, taken_at: dt.datetime) -> dt.datetime:
        """Refuse a time that the intake would refuse in a message that arrives now."""
        try:
            decoding.check_time(taken_at, timezone.now(), decoding.retention())
        except Rejection as error:
            raise serializers.ValidationError(str(error)) from None
        return taken_at

    def validate_faces(self, faces: Any) -> tuple[Face, ...]:
        return _converted(faces, _Faces)  # type: ignore[no-any-return]

    def validate_looks(self, looks: Any) -> tuple[tuple[int, bytes], ...]:
        try:
            return decoding.checked_looks(_converted(looks, _Looks), *self._spending())
        except Rejection as error:
            raise serializers.ValidationError(str(error)) from None

    def validate_area(self, area: Any) -> Box | None:
        return _converted(area, Box | None)  # type: ignore[no-any-return]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Add `jpeg`, the re-encoded picture, and `sha256` of the given bytes."""
        if ("image" in attrs) == ("image_string" in attrs):
            raise serializers.ValidationError({"image": "Give the picture as `image` or as `image_string`."})
        field = "image" if "image" in attrs else "image_string"
        try:
            data = attrs["image"].read(MAX_BYTES + 1) if field == "image" else decode_base64(attrs["image_string"])
            jpeg = decoding.safe_jpeg(data, *self._spending(), may_refuse=False)
            return {**attrs, "jpeg": jpeg, "sha256": hashlib.sha256(data).hexdigest()}
        except (BadPicture, Rejection) as error:
            raise serializers.ValidationError({field: str(error)}) from error

    def to_internal_value(self, data: Any) -> Any:
        """Raise `Throttled` before any picture is decoded if the device's budget is spent."""
        if spending := self._spending():
            try:
                budget_of(*spending)(0)
            except OverBudget as error:
                raise Throttled(error.wait_s, str(error)) from None
        return super().to_internal_value(data)

    def _spending(self) -> tuple[()] | tuple[str, dt.datetime]:
        """Return whose budget the pictures take from, and when. A person's uploads are limited by their number."""
        thing = self.context["request"].auth
        return (thing.name, timezone.now()) if isinstance(thing, Thing) else ()


def _converted(value: Any, kind: Any) -> Any:
    """Convert the value to the type that device messages use. Raises `ValidationError`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise serializers.ValidationError(sentence(error)) from None


def decode_base64(text: str) -> bytes:
    """Return the bytes of a picture. Raises `BadPicture` if the text is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadPicture("The picture is not base64.") from None


class CoffeeSerializer(serializers.ModelSerializer[Coffee]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True, source="device.site")
    device = serializers.SlugRelatedField[Device](slug_field="name", read_only=True)
    person = PersonNameSerializer(read_only=True, allow_null=True)
    capture = serializers.UUIDField(source="sighting.capture_id", read_only=True)
    reviewed_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Coffee
        fields = [
            "id",
            "site",
            "device",
            "person",
            "taken_at",
            "capture",
            "voided",
            "reviewed_at",
            "reviewed_by",
            "review_reason",
        ]


class ReviewSerializer(KnownFieldsOnly, serializers.Serializer[dict[str, Any]]):
    reason = serializers.CharField(max_length=200)


class NameSerializer(KnownFieldsOnly, serializers.ModelSerializer[Person]):
    external_id = ExternalIdField(required=False)

    class Meta:
        model = Person
        fields = ["name", "line", "external_id", "profile", "email"]


class IntoSerializer(KnownFieldsOnly, serializers.Serializer[dict[str, Any]]):
    into = serializers.IntegerField(help_text="The id of the person who takes the rows over.")


class MergeSerializer(serializers.ModelSerializer[Merge]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    person = PersonNameSerializer(read_only=True)
    merged_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    undone_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    coffees = serializers.SerializerMethodField(help_text="The number of moved rows.")
    sightings = serializers.SerializerMethodField(help_text="The number of moved rows.")
    voided = serializers.SerializerMethodField(help_text="The number of coffees that were voided as repetitions.")
    taken_over = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The fields that the person took over."
    )

    class Meta:
        model = Merge
        fields = [
            "id",
            "site",
            "person",
            "other_number",
            "other_name",
            "coffees",
            "sightings",
            "voided",
            "taken_over",
            "merged_at",
            "merged_by",
            "undone_at",
            "undone_by",
        ]

    def get_coffees(self, merge: Merge) -> int:
        return len(merge.moved["coffees"])

    def get_sightings(self, merge: Merge) -> int:
        return len(merge.moved["sightings"])

    def get_voided(self, merge: Merge) -> int:
        return len(merge.voided)


class LeaderboardQuerySerializer(serializers.Serializer[dict[str, Any]]):
    site = serializers.SlugField(required=False, help_text="A site's slug; all your sites if omitted.")
    period = serializers.ChoiceField(choices=PERIODS, default="all", help_text="In the time zone of each site.")
    limit = serializers.IntegerField(
        default=DEFAULT_ROWS, min_value=1, max_value=MOST_ROWS, help_text="The number of rows, from the first rank."
    )


class LeaderboardRowSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    person = PersonNameSerializer()
    site = serializers.CharField(source="site.slug", help_text="The site's slug.")
    coffees = serializers.IntegerField()
    streak = serializers.IntegerField(
        help_text="Days in a row with a coffee, up to today or yesterday in the site's time zone, whatever the period; "
        f"{LONGEST_STREAK} means that many or more."
    )
    last_at = serializers.DateTimeField()
    portrait = serializers.SerializerMethodField(
        help_text="URL of the person's face, if they agreed in person; valid for you only, for some minutes."
    )

    def get_portrait(self, row: LeaderboardRow) -> str | None:
        if not row.has_portrait:
            return None
        request = self.context["request"]
        return str(request.build_absolute_uri(links.address(request, row.latest.pk, view="coffee-portrait")))


@extend_schema_serializer(many=False)
class LeaderboardSerializer(serializers.Serializer[dict[str, Any]]):
    period = serializers.CharField()
    coffees = serializers.IntegerField(source="board.total", help_text="All coffees of the period.")
    anonymous_coffees = serializers.IntegerField(source="board.anonymous", help_text="Anonymous coffees.")
    people = serializers.IntegerField(
        source="board.people", help_text="The number of people with a coffee, listed or not."
    )
    results = LeaderboardRowSerializer(source="board.rows", many=True)

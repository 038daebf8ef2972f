"""The API of enrolment: creates people, consents and faces, and erases people."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from devices.models import Site
from devices.reading.pictures import MAX_BYTES, BadPicture
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.items import EachField, Items
from devices.rest.parameters import KnownFieldsOnly
from devices.rest.parsing import JSONParser
from faces.erasure.foreseeing import Foreseen, foresee_erasure
from faces.models import SIGNED_BY_PEOPLE, Capture, Consent, Erasure, Face, Person
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.rest.desk import OwnPageMixin
from faces.rest.errors import Unavailable, with_field_errors
from faces.rest.rights import check_operator
from faces.rest.serializers import MAX_BASE64, ExternalIdField, decode_base64
from faces.services import (
    EnrolmentRefused,
    NotErasedYet,
    check_capture,
    create_person,
    enrol,
    enrol_portrait,
    forget,
    record_consent,
    withdraw_consent,
)

MOST_AT_ONCE = 20
"""Pictures per request; each takes the recogniser some tenths of a second."""


class NewPersonSerializer(KnownFieldsOnly, serializers.ModelSerializer[Person]):
    site = serializers.SlugField(help_text="A site's slug.")
    external_id = ExternalIdField(required=False)

    class Meta:
        model = Person
        fields = ["site", "name", "line", "external_id", "profile", "email"]
        validators: list[Any] = []  # the service checks what is unique at the site, whose slug this is


class ConsentSerializer(KnownFieldsOnly, serializers.ModelSerializer[Consent]):
    method = serializers.ChoiceField(choices=SIGNED_BY_PEOPLE)
    recorded_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Consent
        fields = [
            *("id", "text", "text_version", "text_sha256", "method"),
            *("signed_by", "signed_at", "expires_at", "withdrawn_at", "recorded_by", "recorded_at", "on_own_device"),
        ]
        read_only_fields = ["text_sha256", "withdrawn_at", "recorded_at", "on_own_device"]


class PortraitsSerializer(KnownFieldsOnly, serializers.Serializer[dict[str, Any]]):
    """Pictures of one person, each with only this face: files, base64 strings, or a capture of the site."""

    images = EachField(child=serializers.FileField(), required=False, max_length=MOST_AT_ONCE)
    image_strings = EachField(
        child=serializers.CharField(max_length=MAX_BASE64), required=False, max_length=MOST_AT_ONCE
    )
    capture = serializers.UUIDField(required=False, help_text="The id of a capture of the same site.")
    face = serializers.IntegerField(
        required=False, min_value=1, help_text="Number of the face, counted from the left, if the capture has several."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(attrs.get(name) for name in ("images", "image_strings", "capture")):
            raise ValidationError({"images": ["Give pictures as `images` or `image_strings`, or a `capture`."]})
        return attrs


class EnrolledSerializer(serializers.Serializer[Any]):
    face = serializers.IntegerField(allow_null=True, help_text="The id of the enrolled face; null if refused.")
    refused = serializers.CharField(allow_blank=True, help_text="Why the picture was refused, in one sentence.")


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    erased_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = Erasure
        fields = [
            *("id", "site", "person_number", "requested_at", "erased_at", "erased_by"),
            *("reason", "counts", "digests"),
        ]


class ForeseenSerializer(serializers.Serializer[Foreseen]):
    goes = serializers.ListField(child=serializers.CharField(), help_text="What an erasure removes, in words.")
    stays = serializers.ListField(child=serializers.CharField(), help_text="What stays counted without a name.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="The same as numbers.")


class ErasureViewSet(ScopedReadOnlyViewSet):
    """The receipts of erasures at your sites, the latest first."""

    queryset = Erasure.objects.select_related("site", "erased_by")
    serializer_class = ErasureSerializer
    cursor_ordering = ("-requested_at", "-pk")


class EnrolmentMixin(OwnPageMixin):
    """Actions of a site's operators on its people."""

    parser_classes = [JSONParser, MultiPartParser, FormParser]

    @extend_schema(request=NewPersonSerializer)
    def create(self, request: Request) -> Response:
        """Create a person of a site. For operators of the site."""
        values = _validate(NewPersonSerializer, request)
        site = Site.objects.all().for_user(request.user).filter(slug=values.pop("site")).first()
        if site is None:
            raise ValidationError({"site": ["Give the slug of one of your sites."]})
        check_operator(request, site)
        person = with_field_errors(partial(create_person, site=site, **values))
        shown = self.get_serializer(self.get_queryset().get(pk=person.pk))
        return Response(shown.data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: ErasureSerializer, 202: ErasureSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Erase the person; returns the receipt. Status 202: an outage delays the erasure, which is resumed."""
        person = self._get_operable_person(request)
        number = person.pk
        try:
            forget(person=person, by=request.user)  # type: ignore[arg-type]
        except NotErasedYet:
            pending = Erasure.objects.get(person_number=number)
            return Response(ErasureSerializer(pending).data, status=status.HTTP_202_ACCEPTED)
        return Response(ErasureSerializer(Erasure.objects.get(person_number=number)).data)

    @extend_schema(responses=ForeseenSerializer)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def erasure(self, request: Request, pk: str) -> Response:
        """What an erasure of the person would remove now, and what would stay. For operators of the site."""
        return Response(ForeseenSerializer(foresee_erasure(self._get_operable_person(request))).data)

    @extend_schema(request=ConsentSerializer, responses={200: ConsentSerializer(many=True), 201: ConsentSerializer})
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def consents(self, request: Request, pk: str) -> Response:
        """List the person's consents, or record a new consent that takes over the person's faces."""
        if request.method == "GET":
            return Response(ConsentSerializer(self.get_object().consents.all(), many=True).data)
        person = self._get_operable_person(request)
        consent = with_field_errors(partial(record_consent, person=person, **_validate(ConsentSerializer, request)))
        return Response(ConsentSerializer(consent).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ConsentSerializer(many=True))
    @action(detail=True, methods=["post"], pagination_class=None)
    def withdraw(self, request: Request, pk: str) -> Response:
        """Withdraw all consents of the person, and remove the person's faces. Name and coffees stay."""
        person = self._get_operable_person(request)
        try:
            for consent in person.consents.all().to_withdraw():
                withdraw_consent(consent=consent)
        except RecogniserUnavailable as error:
            raise Unavailable(f"The consent is withdrawn, but some faces are left; try again. {error}") from error
        return Response(ConsentSerializer(person.consents.all(), many=True).data)

    @extend_schema(request=PortraitsSerializer, responses={201: EnrolledSerializer(many=True)})
    @action(detail=True, methods=["post"], pagination_class=None)
    def faces(self, request: Request, pk: str) -> Response:
        """Enrol the person by these pictures. Each may be refused; if all are refused, the status is 400."""
        person = self._get_operable_person(request)
        values = _validate(PortraitsSerializer, request)
        consent = person.consents.all().valid(timezone.now()).first()
        if consent is None:
            raise ValidationError({"consent": [f"{person} has no consent in force; record one first."]})
        try:
            results = [_enrolment_result(enrolment) for enrolment in _enrolments(request, person, consent, values)]
        except RecogniserUnavailable as error:
            raise Unavailable(
                f"{error} Try again later; pictures that were enrolled already are not enrolled twice."
            ) from error
        if not any(result["face"] for result in results):
            raise ValidationError({"images": [result["refused"] for result in results]})
        return Response(EnrolledSerializer(results, many=True).data, status=status.HTTP_201_CREATED)

    def _get_operable_person(self, request: Request) -> Person:
        """Return the person. Raises `PermissionDenied` unless the user may operate the site."""
        person: Person = self.get_object()
        check_operator(request, person.site)
        return person


def _enrolments(request: Request, person: Person, consent: Consent, values: dict[str, Any]) -> Iterator[Any]:
    ways: dict[str, Callable[[Any], bytes]] = {
        "images": lambda file: file.read(MAX_BYTES + 1),
        "image_strings": decode_base64,
    }
    for name, read in ways.items():
        items: Items = values.get(name, Items())
        for number in range(len(items)):
            if number in items.refused:
                yield partial(_refuse, items.refused[number])
            else:
                yield partial(_enrol, person, consent, read, items.valid[number])
    if "capture" in values:
        captures = Capture.objects.all().for_user(request.user).select_related("device__site")
        capture = captures.filter(pk=values["capture"]).first()
        if capture is None:
            raise ValidationError({"capture": ["Give the id of a capture of this site."]})
        yield partial(_enrol_from, person, consent, capture, values.get("face"))


def _enrol(person: Person, consent: Consent, read: Callable[[Any], bytes], sent: Any) -> Face:
    return enrol(person=person, consent=consent, jpeg=read(sent))


def _refuse(why: str) -> Face:
    raise EnrolmentRefused(why)


def _enrol_from(person: Person, consent: Consent, capture: Capture, number: int | None) -> Face:
    portrait = check_capture(site=person.site, capture=capture, number=number, person=person)
    return enrol_portrait(person=person, consent=consent, portrait=portrait)


def _enrolment_result(enrolment: Any) -> dict[str, Any]:
    try:
        return {"face": enrolment().pk, "refused": ""}
    except (BadPicture, EnrolmentRefused) as error:
        return {"face": None, "refused": str(error)}


def _validate(kind: type[serializers.BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

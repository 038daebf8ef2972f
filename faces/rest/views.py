"""The API's views of captures, people, merges, coffees and the leaderboard."""

import datetime as dt
from functools import partial
from typing import Any, cast

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from devices.intake import batches
from devices.intake.placing import device_at
from devices.models import Device, Site, Thing
from devices.reading import identity
from devices.reading.decoding import Rejection, TakenPicture
from devices.reading.places import read_whereabouts
from devices.rest.authentication import ApiTokenAuthentication, DeviceTokenAuthentication, IsDevice
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.parameters import parse_query
from devices.rest.parsing import JSONParser
from devices.rules.text import whole_number
from faces.coffees.leaderboard import leaderboard
from faces.desk.leaderboard_pages import portrait_response
from faces.models import Capture, Coffee, Merge, Person
from faces.people.consent import with_coffees_and_consent
from faces.pictures.views import picture_response
from faces.rest.enrolment import EnrolmentMixin
from faces.rest.errors import with_field_errors
from faces.rest.filters import CaptureFilter, CoffeeFilter, MergeFilter, PersonFilter
from faces.rest.rights import check_operator
from faces.rest.serializers import (
    CaptureSerializer,
    CoffeeSerializer,
    IntoSerializer,
    LeaderboardQuerySerializer,
    LeaderboardSerializer,
    MergeSerializer,
    NameSerializer,
    NewCaptureSerializer,
    PersonNameSerializer,
    PersonSerializer,
    ReviewSerializer,
)
from faces.services import (
    MergeRefused,
    NotAgain,
    merge_people,
    name_person,
    recognise_again,
    restore_coffee,
    undo_merge,
    void_coffee,
)


class CaptureViewSet(ScopedReadOnlyViewSet):
    """The pictures of your sites' devices and their recognition, newest first."""

    queryset = Capture.objects.select_related("device__site").prefetch_related("sightings__person")
    serializer_class = CaptureSerializer
    authentication_classes = [ApiTokenAuthentication, DeviceTokenAuthentication, SessionAuthentication]
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    filterset_class = CaptureFilter
    cursor_ordering = ("-taken_at", "-pk")
    exports_whole_list = True
    audited_as = "pictures"

    def get_permissions(self) -> list[BasePermission]:
        is_device = self.action == "create" and isinstance(self.request.auth, Thing)
        return [IsDevice() if is_device else IsAuthenticated()]

    @extend_schema(request=NewCaptureSerializer, responses={201: CaptureSerializer})
    def create(self, request: Request) -> Response:
        """Upload a picture, as a device with its token or as an operator of the device's site.

        The same bytes with the same time are one picture, however often they are uploaded.
        """
        serializer = NewCaptureSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        now = timezone.now()
        device = _device(request, serializer.validated_data, now)
        capture = _take_in(device, serializer.validated_data, now, is_from_device=isinstance(request.auth, Thing))
        response = CaptureSerializer(capture, context=self.get_serializer_context())
        return Response(response.data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={202: CaptureSerializer})
    @action(detail=True, methods=["post"])
    def recognise(self, request: Request, pk: str) -> Response:
        """Recognise the picture again; its sightings and coffees are deleted first. For operators of the site."""
        capture: Capture = self.get_object()
        check_operator(request, capture.device.site)
        try:
            recognise_again(capture=capture)
        except NotAgain as error:
            raise ValidationError({"detail": [str(error)]}) from error
        return Response(self.get_serializer(self.get_object()).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    @action(detail=True, url_path=r"(?P<link>[\w-]+)\.jpg", url_name="picture")
    def picture(self, request: Request, pk: str, link: str) -> FileResponse:
        """The picture, at the URL in `image`, which is valid for you only, for some minutes."""
        return picture_response(request, self.get_object(), link)


class PersonViewSet(EnrolmentMixin):
    """The people of your sites."""

    queryset = Person.objects.select_related("site")
    serializer_class = PersonSerializer
    filterset_class = PersonFilter
    cursor_ordering = ("name", "pk")
    exports_whole_list = True
    audited_as = "people"
    export_instead = {"guest": "guest_number"}

    def get_queryset(self) -> QuerySet[Any]:
        return with_coffees_and_consent(super().get_queryset(), now=timezone.now())

    @extend_schema(request=NameSerializer, responses=PersonSerializer)
    @action(detail=True, methods=["post"], url_path="name")
    def rename(self, request: Request, pk: str) -> Response:
        """Name a person, such as a guest who has agreed in person; coffees and sightings stay. For operators."""
        person = self._get_operable_person(request)
        serializer = NameSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with_field_errors(partial(name_person, person=person, **serializer.validated_data))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=IntoSerializer, responses=MergeSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Merge this person into another: coffees, sightings, faces and consents move there. For operators."""
        person = self._get_operable_person(request)
        serializer = IntoSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        into = Person.objects.all().for_user(request.user).filter(pk=serializer.validated_data["into"]).first()
        if into is None:
            raise ValidationError({"into": ["Give the id of a person of your sites."]})
        try:
            merge = merge_people(other=person, into=into, by=request.user)  # type: ignore[arg-type]
        except MergeRefused as error:
            raise ValidationError({"into": [str(error)]}) from error
        return Response(MergeSerializer(merge).data)


class MergeViewSet(ScopedReadOnlyViewSet):
    """The merges of people at your sites, the latest first."""

    queryset = Merge.objects.select_related("site", "person", "merged_by", "undone_by")
    serializer_class = MergeSerializer
    filterset_class = MergeFilter
    cursor_ordering = ("-merged_at", "-pk")

    @extend_schema(request=None, responses=PersonNameSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Undo the merge. For operators of the site."""
        merge: Merge = self.get_object()
        check_operator(request, merge.site)
        try:
            person = undo_merge(merge=merge, by=request.user)  # type: ignore[arg-type]
        except MergeRefused as error:
            raise ValidationError({"detail": [str(error)]}) from error
        return Response(PersonNameSerializer(person).data)


class CoffeeViewSet(ScopedReadOnlyViewSet):
    """The coffees of your sites, newest first, including voided coffees."""

    queryset = Coffee.objects.select_related("device__site", "person", "sighting", "reviewed_by")
    serializer_class = CoffeeSerializer
    filterset_class = CoffeeFilter
    cursor_ordering = ("-taken_at", "-pk")
    exports_whole_list = True
    audited_as = "coffees"

    @extend_schema(request=ReviewSerializer, responses=CoffeeSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str) -> Response:
        """Void the coffee, so that it does not count. For operators of its site."""
        return self._review(request, void_coffee)

    @extend_schema(request=ReviewSerializer, responses=CoffeeSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Make a voided coffee count again. For operators of its site."""
        return self._review(request, restore_coffee)

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    @action(detail=True, url_path=r"(?P<link>[\w-]+)\.jpg", url_name="portrait")
    def portrait(self, request: Request, pk: str, link: str) -> HttpResponse:
        """The face of the person who had the coffee, at the URL in the leaderboard, if they agreed in person."""
        return portrait_response(request, self.get_object(), link)

    def _review(self, request: Request, review: Any) -> Response:
        coffee: Coffee = self.get_object()
        check_operator(request, coffee.device.site)
        serializer = ReviewSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            review(coffee=coffee, by=request.user, reason=serializer.validated_data["reason"])
        except ValueError as error:
            raise ValidationError({"detail": [str(error)]}) from error
        return Response(self.get_serializer(coffee).data)


class LeaderboardViewSet(ViewSet):
    """How many coffees each person had."""

    @extend_schema(parameters=[LeaderboardQuerySerializer], responses=LeaderboardSerializer)
    def list(self, request: Request) -> Response:
        """Rows by descending number of coffees; equal counts share a rank. Anonymous coffees are a separate total."""
        query = parse_query(LeaderboardQuerySerializer, request)
        period, now = query["period"], timezone.now()
        sites = list(Site.objects.all().for_user(request.user))
        slug = query.get("site")
        if slug is not None:
            sites = [site for site in sites if site.slug == slug]
            if not sites:
                raise NotFound(f"You have no site “{slug}”.")
        board = leaderboard(sites=sites, period=period, now=now, limit=query["limit"])
        response = LeaderboardSerializer({"period": period, "board": board}, context={"request": request})
        return Response(response.data)


class AtNoPlace(APIException):
    """The device was registered at no place when it took the picture. It shall send the picture again later."""

    status_code = status.HTTP_409_CONFLICT


def _device(request: Request, values: dict[str, Any], now: dt.datetime) -> Device:
    """Return the device of the picture. Raises `ValidationError`, `PermissionDenied` and `AtNoPlace`."""
    taken_at: dt.datetime | None = values.get("taken_at")
    if isinstance(request.auth, Thing):
        try:
            return device_at(read_whereabouts([request.auth.name])[request.auth.name], taken_at, now)
        except (Rejection, KeyError) as error:
            raise AtNoPlace(str(error)) from None
    devices = Device.objects.all().for_user(request.user)
    device = devices.filter(pk=whole_number(values.get("device", ""))).first()
    if device is None:
        raise ValidationError({"device": "Give the id of a device of your sites, as in `devices/`."})
    check_operator(request, device.site)
    if not device.holds(taken_at or now):
        stretch = f"from {device.since or 'the beginning'} to {device.until or 'now'}"
        raise ValidationError({"taken_at": f"This device was at its place {stretch}; give a time in this stretch."})
    return cast(Device, device)


def _take_in(device: Device, values: dict[str, Any], now: dt.datetime, *, is_from_device: bool) -> Capture:
    """Store the picture; return its capture, which exists already if the picture was uploaded before."""
    taken_at: dt.datetime | None = values.get("taken_at")
    key = identity.digest("upload", values["sha256"], taken_at.isoformat() if taken_at else "", values["shows"])
    picture = TakenPicture(
        device,
        taken_at or now,
        now,
        key,
        values["jpeg"],
        shows=values["shows"],
        faces=values.get("faces", ()),
        area=values["area"],
        looks=values.get("looks", ()),
    )
    batches.take_in_picture(picture, is_from_device=is_from_device)
    capture: Capture = Capture.objects.select_related("device__site").get(
        device__thing__name=device.thing_name, key=key
    )
    return capture

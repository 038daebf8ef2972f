"""The API of data sets and their pictures."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.http import FileResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from devices.pages.bodies import limits_body
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfSiteFilter
from devices.rest.parameters import FilterSet, NumberFilter, check_parameters
from learning.datasets import formats, services
from learning.datasets.archives import BadArchive
from learning.datasets.boxes import set_boxes
from learning.datasets.exporting import archive_response
from learning.datasets.importing import import_files
from learning.datasets.reads import split_of
from learning.datasets.rights import check_operator
from learning.datasets.splitting import TRAIN, VALIDATION, CannotSplit
from learning.datasets.uploads import LIMIT, files_in
from learning.models import DataSet, Picture, Review
from learning.rest.serializers import (
    BoxesSerializer,
    DataSetSerializer,
    ImportReportSerializer,
    SplitSerializer,
    TrainingPictureSerializer,
    UploadSerializer,
)

if TYPE_CHECKING:
    from devices.models import User


def refused(error: ValidationError) -> serializers.ValidationError:
    """Return the error of a service as one of the API, which names the field."""
    return serializers.ValidationError(serializers.as_serializer_error(error))


class DataSetFilter(OfSiteFilter):
    class Meta:
        model = DataSet
        fields = {"name": ["exact"]}


class DataSetViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet):
    """Data sets of your sites, from which models are trained; operators and owners may write them."""

    queryset = DataSet.objects.select_related("site").prefetch_related("labels")
    serializer_class = DataSetSerializer
    filterset_class = DataSetFilter
    cursor_ordering = ("pk",)

    def get_object(self) -> DataSet:
        """Return the data set. Raises `PermissionDenied` where the request would change it and the user may not."""
        data_set: DataSet = super().get_object()
        if self.request.method not in SAFE_METHODS:
            check_operator(data_set.site, self._user)
        return data_set

    @property
    def _user(self) -> "User":
        return cast("User", self.request.user)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        try:
            serializer.instance = services.create_data_set(by=self._user, **serializer.validated_data)
        except ValidationError as error:
            raise refused(error) from None

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        try:
            services.change_data_set(
                data_set=cast(DataSet, serializer.instance), by=self._user, **serializer.validated_data
            )
        except ValidationError as error:
            raise refused(error) from None

    def perform_destroy(self, instance: DataSet) -> None:
        try:
            services.delete_data_set(data_set=instance, by=self._user)
        except ValidationError as error:
            raise refused(error) from None

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses=ImportReportSerializer)
    @action(detail=True, methods=["post"], url_path="import", url_name="import", parser_classes=[MultiPartParser])
    @limits_body(LIMIT)
    def import_upload(self, request: Request, pk: str) -> Response:
        """Import pictures, annotations, or one ZIP archive of both. The response names each item with a problem."""
        data_set = self.get_object()
        upload = UploadSerializer(
            data={"files": request.FILES.getlist("files"), "recording": _text(request, "recording")}
        )
        upload.is_valid(raise_exception=True)
        try:
            files = files_in(upload.validated_data["files"])
        except BadArchive as error:
            raise serializers.ValidationError({"files": [str(error)]}) from None
        report = import_files(
            data_set=data_set, files=files, recording=upload.validated_data["recording"], by=self._user
        )
        return Response(ImportReportSerializer(report).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("as", enum=list(formats.FORMATS), required=True),
            OpenApiParameter("pictures", enum=["yes", "no"], description="Whether the archive has the pictures too."),
        ],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        filters=False,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def export(self, request: Request, pk: str) -> FileResponse:
        """The data set as a ZIP archive in one of the formats."""
        check_parameters(request, {"as", "pictures", "format"})
        chosen = request.query_params.get("as", "")
        if chosen not in formats.FORMATS:
            raise serializers.ValidationError({"as": [f"Give one of {', '.join(formats.FORMATS)}."]})
        with_pictures = request.query_params.get("pictures", "yes")
        if with_pictures not in ("yes", "no"):
            raise serializers.ValidationError({"pictures": ["Give yes or no."]})
        return archive_response(self.get_object(), chosen, with_pictures=with_pictures == "yes")

    @extend_schema(responses=SplitSerializer, filters=False)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def split(self, request: Request, pk: str) -> Response:
        """How the pictures are divided into those to learn from and those to evaluate with."""
        check_parameters(request, {"format"})
        try:
            split = split_of(self.get_object())
        except CannotSplit as error:
            raise serializers.ValidationError({"detail": [str(error)]}) from None
        counts = {part: len(split.keys(part)) for part in (TRAIN, VALIDATION)}
        return Response({**counts, "recordings": split.recordings, "warnings": list(split.warnings)})


class PictureFilter(FilterSet):
    data_set = NumberFilter(field_name="data_set_id", label="The number of a data set.")
    label = filters.CharFilter(field_name="annotations__label__key", label="A label.", distinct=True)

    class Meta:
        model = Picture
        fields = {"review": ["exact"], "recording": ["exact"], "origin": ["exact"]}


class PictureViewSet(ScopedReadOnlyViewSet):
    """The pictures of your sites' data sets with their boxes."""

    queryset = (
        Picture.objects.select_related("data_set__site", "device").prefetch_related("annotations__label").defer("hands")
    )
    serializer_class = TrainingPictureSerializer
    filterset_class = PictureFilter
    cursor_ordering = ("pk",)

    @extend_schema(request=BoxesSerializer, responses=TrainingPictureSerializer)
    @action(detail=True, methods=["put"])
    def boxes(self, request: Request, pk: str) -> Response:
        """Set all boxes of the picture, and keep or discard it. For operators of the site."""
        picture: Picture = self.get_object()
        serializer = BoxesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = [(each["label"], *(each[side] for side in _SIDES)) for each in serializer.validated_data["boxes"]]
        try:
            set_boxes(
                picture=picture,
                boxes=given,
                review=Review(serializer.validated_data["review"]),
                by=cast("User", request.user),
            )
        except ValidationError as error:
            raise refused(error) from None
        return Response(self.get_serializer(self.get_object()).data)


_SIDES = ("left", "top", "width", "height")


def _text(request: Request, name: str) -> str:
    value = request.data.get(name, "") if isinstance(request.data, dict) else ""
    return value if isinstance(value, str) else ""

"""The API of training runs and their evaluation."""

from typing import TYPE_CHECKING, cast

from django.core.exceptions import ValidationError
from django.db.models import ProtectedError
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.parameters import FilterSet, NumberFilter, check_parameters
from learning.datasets.rights import check_operator
from learning.evaluating import reads
from learning.evaluating.tables import FIGURES
from learning.models import DataSet, Kind, Run
from learning.rest.datasets import refused
from learning.rest.serializers import EvaluationSerializer, NewRunSerializer, RunSerializer
from learning.training import running

if TYPE_CHECKING:
    from devices.models import User


class InUse(APIException):
    """The model is, or was, on a device."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "A camera has this model, or had it; the run stays, so that its past can be read."


class RunFilter(FilterSet):
    data_set = NumberFilter(field_name="data_set_id", label="The number of a data set.")

    class Meta:
        model = Run
        fields = {"kind": ["exact"], "state": ["exact"]}


class RunViewSet(ScopedReadOnlyViewSet):
    """The training runs of your sites' data sets; operators and owners may start, stop and delete them."""

    queryset = Run.objects.select_related("data_set__site")
    serializer_class = RunSerializer
    filterset_class = RunFilter
    cursor_ordering = ("-pk",)

    def get_object(self) -> Run:
        """Return the run. Raises `PermissionDenied` where the request would change it and the user may not."""
        run: Run = super().get_object()
        if self.request.method not in SAFE_METHODS:
            check_operator(run.data_set.site, self._user)
        return run

    @property
    def _user(self) -> "User":
        return cast("User", self.request.user)

    @extend_schema(request=NewRunSerializer, responses={201: RunSerializer})
    def create(self, request: Request) -> Response:
        """Start a run, or enter the figures of a training elsewhere (`kind` is then `entered`)."""
        serializer = NewRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        data_set = DataSet.objects.for_user(request.user).filter(pk=given["data_set"]).first()
        if data_set is None:
            raise serializers.ValidationError({"data_set": ["Give the number of a data set of your sites."]})
        try:
            if given["kind"] == Kind.ENTERED:
                figures = given.get("figures") or {}
                run = running.enter(
                    data_set=data_set,
                    by=self._user,
                    given=given["parameters"],
                    figures={name: figures.get(name) for name in FIGURES},
                    seconds=figures.get("seconds"),
                    note=given["note"],
                )
            else:
                run = running.start(
                    data_set=data_set,
                    kind=Kind(given["kind"]),
                    by=self._user,
                    given=given["parameters"],
                    note=given["note"],
                )
        except ValidationError as error:
            raise refused(error) from None
        return Response(self.get_serializer(run).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the run with its model and evaluation."""
        try:
            running.delete(run=self.get_object(), by=self._user)
        except ProtectedError:
            raise InUse from None
        except ValidationError as error:
            raise refused(error) from None
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Stop a run that waits or works."""
        running.stop(run=self.get_object(), by=self._user)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        parameters=[OpenApiParameter("threshold", float, description="0 to 1; by default the model's own.")],
        responses=EvaluationSerializer,
        filters=False,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def evaluation(self, request: Request, pk: str) -> Response:
        """The figures of the run at a threshold: in total, by label, by recording, and the confusion matrix."""
        check_parameters(request, {"threshold", "format"})
        given = request.query_params.get("threshold")
        threshold = None
        if given is not None:
            threshold = serializers.FloatField(min_value=0, max_value=1).run_validation(given)
        found = reads.evaluate(self.get_object(), threshold)
        if found is None:
            raise NotFound("The run has no evaluation.")
        return Response(EvaluationSerializer(found).data)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, filters=False)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def model(self, request: Request, pk: str) -> FileResponse:
        """The model's file."""
        run = self.get_object()
        if not run.has_model:
            raise NotFound("The run has no model.")
        return FileResponse(run.model_file.open("rb"), content_type="application/octet-stream")

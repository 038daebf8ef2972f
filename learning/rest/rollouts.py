"""The API of models on devices."""

from typing import TYPE_CHECKING, cast

from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices.models import Device
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfDeviceFilter
from learning.models import Rollout, Run
from learning.rest.datasets import refused
from learning.rest.serializers import ModelRolloutSerializer, NewModelRolloutSerializer
from learning.rollout.services import group_named, put_on, take_off

if TYPE_CHECKING:
    from devices.models import User


class RolloutFilter(OfDeviceFilter):
    class Meta:
        model = Rollout
        fields = {"until": ["isnull"]}


class RolloutViewSet(ScopedReadOnlyViewSet):
    """Which devices of your sites run, or ran, which models; operators and owners may change it."""

    queryset = Rollout.objects.select_related("device__site", "device__thing__state", "run__data_set")
    serializer_class = ModelRolloutSerializer
    filterset_class = RolloutFilter
    cursor_ordering = ("-since", "-pk")

    @extend_schema(request=NewModelRolloutSerializer, responses={201: ModelRolloutSerializer(many=True)})
    def create(self, request: Request) -> Response:
        """Let devices run the model of a run, in place of other models of its data set."""
        serializer = NewModelRolloutSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = Run.objects.for_user(request.user).filter(pk=serializer.validated_data["run"]).first()
        if run is None:
            raise serializers.ValidationError({"run": ["Give the number of a run of your sites."]})
        names, group = serializer.validated_data["devices"], serializer.validated_data["group"]
        if group:
            devices = list(group_named(run, group))
        else:
            devices = list(Device.objects.open().filter(site=run.data_set.site_id, name__in=names))
        if missing := set(names) - {device.name for device in devices}:
            raise serializers.ValidationError({"devices": [f"The site has no camera “{min(missing)}” now."]})
        try:
            put_on(run=run, devices=devices, by=cast("User", request.user), now=timezone.now())
        except ValidationError as error:
            raise refused(error) from None
        rows = self.get_queryset().filter(run=run, device__in=devices, until=None)
        return Response(self.get_serializer(rows, many=True).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: str) -> Response:
        """Take the model off the device; the row stays with its end."""
        take_off(rollout=self.get_object(), by=cast("User", request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

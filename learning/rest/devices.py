"""What a device asks the platform about models: which ones it shall run, and their files."""

import re
from http import HTTPStatus
from typing import cast

import msgspec
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from devices.models import Thing
from devices.rest.authentication import DeviceTokenAuthentication, IsDevice
from devices.rest.parameters import check_parameters
from learning.datasets.policies import rule_for
from learning.rest.serializers import WantedModelsSerializer
from learning.rollout.services import wanted_on

_FROM = re.compile(r"bytes=(\d{1,12})-\Z")


class DeviceModelViewSet(ViewSet):
    """The models that a device shall run, for the device itself."""

    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [IsDevice]
    lookup_value_regex = "[0-9a-f]{64}"

    @extend_schema(responses=WantedModelsSerializer)
    def list(self, request: Request) -> Response:
        """Return the models that the device shall run, and which frames it shall send for training, if any."""
        check_parameters(request, {"format"})
        runs = wanted_on(cast(Thing, request.auth))
        wanted = [{"sha256": run.model_sha256, "bytes": run.model_bytes, "name": str(run)} for run in runs]
        rule = rule_for(cast(Thing, request.auth))
        return Response({"models": wanted, "training": msgspec.to_builtins(rule) if rule else None})

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """Return the file of a model that the device shall run; with `Range: bytes=N-`, from that byte on."""
        run = next((each for each in wanted_on(cast(Thing, request.auth)) if each.model_sha256 == pk), None)
        if run is None:
            raise NotFound("The device shall not run this model.")
        try:
            with run.model_file.open("rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise NotFound("The file of this model is gone.") from None
        given = _FROM.match(request.headers.get("Range", ""))
        start = int(given[1]) if given else 0
        headers = {"Accept-Ranges": "bytes"}
        if not given:
            return HttpResponse(content, content_type="application/octet-stream", headers=headers)
        if start >= len(content):
            headers["Content-Range"] = f"bytes */{len(content)}"
            return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return HttpResponse(
            content[start:],
            status=HTTPStatus.PARTIAL_CONTENT,
            content_type="application/octet-stream",
            headers=headers,
        )

"""The API for boxes: the claim of a code, the reports of a box, and the models that it needs."""

import base64
import binascii
from typing import Any, cast

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from devices.cameras.adding import services
from devices.cameras.credentials.issuing import CredentialsUnavailable
from devices.cameras.releases import rollouts
from devices.models import CameraClaim, Thing
from devices.reading.pictures import BadPicture, sanitised_jpeg
from devices.rest.authentication import DeviceTokenAuthentication, IsDevice
from devices.rest.throttling import refused_too_often
from edge_agent.messages import MAX_PICTURE_BYTES
from edge_agent.vision.files import agent_models, models_folder

MOST_TROUBLE = 1_000
MODELS = "/api/v1/agent/models/"


class ClaimSerializer(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField(max_length=64, help_text="As the camera's page shows it.")
    software = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class ModelFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    sha256 = serializers.CharField()
    path = serializers.CharField(help_text="Below the platform's address; the device token is needed.")


class ClaimedSerializer(serializers.Serializer[Any]):
    thing = serializers.CharField()
    config = serializers.DictField(help_text="Keys of the agent's configuration.")
    device_token = serializers.CharField()
    mqtt_ca = serializers.CharField(allow_blank=True)
    mqtt_cert = serializers.CharField(allow_blank=True)
    mqtt_key = serializers.CharField(allow_blank=True)
    models = ModelFileSerializer(many=True)


class NotNow(APIException):
    """Something that the request needs does not answer."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class ClaimViewSet(ViewSet):
    """Gives a box its credentials for a claim code."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(request=ClaimSerializer, responses={201: ClaimedSerializer}, auth=[])
    def create(self, request: Request) -> Response:
        """Use a claim code up, and get the camera's credentials and configuration. A code works once.

        An address that sends too many wrong codes is refused for a minute.
        """
        form = ClaimSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            claimed = services.claim_box(now=timezone.now(), **form.validated_data)
        except services.CodeRefused as error:
            raise refused_too_often(request, self) or ValidationError({"code": [str(error)]}) from error
        except CredentialsUnavailable as error:
            raise NotNow(f"{error} The code is not used up; try again.") from error
        config = {"mqtt_url": claimed.mqtt_url, **({"source": claimed.source} if claimed.source else {})}
        answer = {
            "thing": claimed.thing.name,
            "config": config,
            "device_token": claimed.token,
            "mqtt_ca": claimed.mqtt_ca,
            "mqtt_cert": claimed.mqtt_cert,
            "mqtt_key": claimed.mqtt_key,
            "models": [
                {"name": name, "sha256": sha256, "path": f"{MODELS}{name}/"}
                for name, sha256 in agent_models().items()
                if (models_folder() / name).is_file()
            ],
        }
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class ReportSerializer(serializers.Serializer[dict[str, Any]]):
    version = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    trouble = serializers.CharField(max_length=MOST_TROUBLE, required=False, allow_blank=True, default="")
    picture = serializers.CharField(
        required=False, max_length=MAX_PICTURE_BYTES * 2, help_text="A JPEG of what the camera sees, base64."
    )
    failed_version = serializers.CharField(
        max_length=64, required=False, default="", help_text="The version that did not come up; `trouble` says why."
    )


class ReleaseSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    sha256 = serializers.CharField()
    path = serializers.CharField()


class OrdersSerializer(serializers.Serializer[Any]):
    wants_views = serializers.BooleanField(help_text="Whether somebody sets the camera up, and waits for its view.")
    release = ReleaseSerializer(allow_null=True, help_text="The version that the box shall install now.")


class AgentViewSet(ViewSet):
    """Takes the reports of boxes, and tells them what to do."""

    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [IsDevice]

    @extend_schema(request=ReportSerializer, responses={200: OrdersSerializer})
    def create(self, request: Request) -> Response:
        """Report what is wrong and, while the camera is set up, what it sees. The answer says what the box shall do."""
        form = ReportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        report, thing, now = form.validated_data, cast(Thing, request.auth), timezone.now()
        claim = CameraClaim.objects.filter(thing=thing).first()
        wants_views = services.wants_views(claim, now)
        view = _picture(report["picture"]) if wants_views and "picture" in report else None
        services.take_report(thing=thing, version=report["version"], trouble=report["trouble"], view=view, now=now)
        release = rollouts.next_release(
            thing=thing,
            version=report["version"],
            failed=report["failed_version"],
            why=report["trouble"],
            now=now,
        )
        return Response({"wants_views": wants_views, "release": release})

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=False, url_path=r"models/(?P<name>[\w.-]+)", url_name="model")
    def model(self, request: Request, name: str) -> FileResponse:
        """A model that the agent needs."""
        path = models_folder() / name
        if name not in agent_models() or not path.is_file():
            raise NotFound("The platform has no such model.")
        return FileResponse(path.open("rb"), as_attachment=True, filename=name)


def _picture(text: str) -> bytes:
    """Return the picture, checked and encoded anew. Raises `ValidationError`."""
    try:
        return sanitised_jpeg(base64.b64decode(text, validate=True))
    except (BadPicture, binascii.Error, ValueError) as error:
        raise ValidationError({"picture": [str(error)]}) from error

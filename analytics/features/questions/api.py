"""The API of questions and their answers."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from analytics.features.questions import reads, services
from analytics.features.questions.serializers import QuestionSerializer, ResultSerializer
from analytics.models.questions import Question
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfSiteFilter

if TYPE_CHECKING:
    from devices.models import User


class QuestionFilter(OfSiteFilter):
    class Meta:
        model = Question
        fields: dict[str, list[str]] = {}


class QuestionViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet
):
    """Questions of your sites to the people in front of their displays; operators and owners may write them."""

    queryset = Question.objects.select_related("site")
    serializer_class = QuestionSerializer
    filterset_class = QuestionFilter
    cursor_ordering = ("-asked_from", "-pk")

    def get_object(self) -> Question:
        """Return the question. Raises `PermissionDenied` where the request would change it and the user may not."""
        question: Question = super().get_object()
        if self.request.method not in SAFE_METHODS:
            services.check_role(question.site, cast("User", self.request.user))
        return question

    @extend_schema(responses=ResultSerializer)
    @action(detail=True)
    def result(self, request: Request, pk: str) -> Response:
        """Return the answers to the question so far: in total, per hour or day, and per device."""
        result = reads.read_result(self.get_object(), now=timezone.now())
        return Response(ResultSerializer(result).data)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        self._write(serializer, services.ask)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        self._write(serializer, services.change, question=serializer.instance)

    def perform_destroy(self, instance: Question) -> None:
        services.withdraw(question=instance, by=cast("User", self.request.user))

    def _write(self, serializer: BaseSerializer[Any], service: Any, **more: Any) -> None:
        try:
            serializer.instance = service(by=self.request.user, **more, **serializer.validated_data)
        except ValidationError as refusal:
            raise serializers.ValidationError(serializers.as_serializer_error(refusal)) from None

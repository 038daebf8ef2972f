"""The API of letters: the letters as they were, and who gets them by e-mail."""

from typing import TYPE_CHECKING, Any, cast

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from devices.rest.base import ScopedReadOnlyViewSet
from devices.rules.roles import Right
from notifications.letters import rendering, services
from notifications.letters.rendering import Links
from notifications.models import Letter, Reader
from notifications.rest.serializers import LetterSerializer, ReaderSerializer
from notifications.rest.views import OperatorsChange

if TYPE_CHECKING:
    from devices.models import User


class PdfMissing(APIException):
    status_code = 503


class LetterViewSet(ScopedReadOnlyViewSet):
    """The letters of the caller's sites, the newest first."""

    queryset = Letter.objects.exclude(content={}).select_related("site")
    serializer_class = LetterSerializer
    cursor_ordering = ("-first", "-pk")

    @extend_schema(responses={(200, "text/html"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"])
    def html(self, request: Request, pk: Any = None) -> HttpResponse:
        """Return the letter as HTML with its pictures inside."""
        letter = cast("Letter", self.get_object())
        return HttpResponse(rendering.standing_alone(rendering.render_site(letter.content, Links())))

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def pdf(self, request: Request, pk: Any = None) -> HttpResponse:
        """Return the letter as a PDF."""
        letter = cast("Letter", self.get_object())
        try:
            made = rendering.pdf(rendering.standing_alone(rendering.render_site(letter.content, Links())))
        except rendering.NoPdf as error:
            raise PdfMissing(str(error)) from None
        return HttpResponse(made, content_type="application/pdf")


class ReaderViewSet(OperatorsChange, mixins.CreateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet):
    """Who gets letters by e-mail: the caller, and whoever reads about the sites that the caller operates."""

    queryset = Reader.objects.select_related("site").order_by("pk")
    serializer_class = ReaderSerializer

    def get_queryset(self) -> QuerySet[Any]:
        user = cast("User", self.request.user)
        operated = Reader.objects.permitted(user, Right.OPERATE).values("pk")
        return Reader.objects.select_related("site").filter(Q(pk__in=operated) | Q(user=user.pk)).order_by("pk")

    def perform_destroy(self, instance: Reader) -> None:
        services.remove_reader(reader=instance)

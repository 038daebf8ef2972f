"""The API of notices: channels, rules, and what was told."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.models import Verdict
from devices.models import Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rules.roles import Right, those_with
from notifications.models import Channel, Notice, Rule
from notifications.rest.serializers import (
    ChannelSerializer,
    DecisionSerializer,
    NoticeSerializer,
    PreviewSerializer,
    RuleSerializer,
    TestedSerializer,
)
from notifications.rules import escalating, reviewing
from notifications.rules import services as rules
from notifications.rules.matching import preview
from notifications.sending import services as sending

if TYPE_CHECKING:
    from devices.models import User


class OperatorsChange:
    """Lets whoever may operate a site change what belongs to it; others get a 403 that says who may."""

    def check_site(self, site: Site) -> None:
        """Raise `PermissionDenied` unless the caller may change what belongs to this site."""
        if not site.allows(self.request.user, Right.OPERATE):  # type: ignore[attr-defined]  # of the view
            raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {site} may {Right.OPERATE.value}.")


class ChannelViewSet(OperatorsChange, mixins.CreateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet):
    """The channels of the caller's sites. A channel is not changed but made anew, because its address is secret."""

    queryset = Channel.objects.select_related("site").order_by("pk")
    serializer_class = ChannelSerializer

    def perform_destroy(self, instance: Channel) -> None:
        self.check_site(instance.site)
        sending.remove_channel(channel=instance)

    @extend_schema(request=None, responses=TestedSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: Any = None) -> Response:
        """Send a test through the channel, and return what became of it."""
        channel = cast("Channel", self.get_object())
        self.check_site(channel.site)
        return Response({"result": sending.send_test(channel=channel, now=timezone.now())})


class RuleViewSet(
    OperatorsChange,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ScopedReadOnlyViewSet,
):
    """The rules of the caller's sites."""

    queryset = Rule.objects.select_related("site").prefetch_related("channels", "escalate_to").order_by("pk")
    serializer_class = RuleSerializer

    def perform_destroy(self, instance: Rule) -> None:
        self.check_site(instance.site)
        rules.remove_rule(rule=instance)

    @extend_schema(responses=PreviewSerializer)
    @action(detail=True, methods=["get"])
    def preview(self, request: Request, pk: Any = None) -> Response:
        """Return what each text of the rule would say of the last thing that happened; nothing if nothing did."""
        rule = cast("Rule", self.get_object())
        happening, texts = preview(rule, rule.texts)
        return Response({"happened_at": happening and happening.at, "texts": texts})


class NoticeViewSet(OperatorsChange, ScopedReadOnlyViewSet):
    """The notices of the caller's sites, the newest first."""

    queryset = Notice.objects.select_related("rule__site", "channel")
    serializer_class = NoticeSerializer
    cursor_ordering = ("-created_at", "-pk")

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def again(self, request: Request, pk: Any = None) -> Response:
        """Have a notice sent again that could not be sent."""
        notice = cast("Notice", self.get_object())
        self.check_site(notice.rule.site)
        sending.send_again(notice=notice, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: Any = None) -> Response:
        """Take care of what a notice tells, so that nobody else is told."""
        notice = cast("Notice", self.get_object())
        self.check_site(notice.rule.site)
        escalating.acknowledge(notice=notice, now=timezone.now(), by=cast("User", request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=DecisionSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: Any = None) -> Response:
        """Confirm or reject what a waiting notice is about."""
        notice = cast("Notice", self.get_object())
        self.check_site(notice.rule.site)
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        verdict = Verdict(given.validated_data["verdict"])
        reviewing.decide(notice=notice, verdict=verdict, by=cast("User", request.user), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

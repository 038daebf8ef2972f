"""The API of consent texts, and of links that open pages without an account."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from devices.managing.access import check_right
from devices.models import Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.parameters import KnownFieldsOnly
from devices.rules.roles import Right
from faces.models import ConsentTemplate, DeskLink, Person
from faces.people.consent_texts import publish_text, retire_text
from faces.people.desk_links import MOST_USES, make_link
from faces.rest.errors import with_field_errors
from faces.rest.filters import ConsentTextFilter, DeskLinkFilter
from faces.rest.rights import check_operator

if TYPE_CHECKING:
    from devices.models import User


class ConsentTextSerializer(serializers.ModelSerializer[ConsentTemplate]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = ConsentTemplate
        fields = [
            *("id", "site", "name", "number", "purpose", "text", "method", "term_days"),
            *("created_at", "created_by", "retired_at"),
        ]


class NewConsentTextSerializer(KnownFieldsOnly, serializers.ModelSerializer[ConsentTemplate]):
    site = serializers.SlugField(help_text="A site's slug.")

    class Meta:
        model = ConsentTemplate
        fields = ["site", "name", "purpose", "text", "method", "term_days"]


class UsesSerializer(KnownFieldsOnly, serializers.Serializer[dict[str, Any]]):
    uses = serializers.IntegerField(
        default=1, min_value=1, max_value=MOST_USES, help_text="How many people may enrol themselves by the link."
    )


class LinkSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Shown only now; only a digest is stored.")
    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class ConsentTextViewSet(ScopedReadOnlyViewSet):
    """The texts that people of your sites agree to, and have agreed to, the latest first."""

    queryset = ConsentTemplate.objects.select_related("site", "created_by")
    serializer_class = ConsentTextSerializer
    filterset_class = ConsentTextFilter
    cursor_ordering = ("-created_at", "-pk")

    @extend_schema(request=NewConsentTextSerializer, responses={201: ConsentTextSerializer})
    def create(self, request: Request) -> Response:
        """Put a text in force. It becomes the next version of the text of the same name. For owners of the site."""
        serializer = NewConsentTextSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = {"method": "electronic", "term_days": 365, **serializer.validated_data}
        site = Site.objects.all().for_user(request.user).filter(slug=values.pop("site")).first()
        if site is None:
            raise ValidationError({"site": ["Give the slug of one of your sites."]})
        check_right(_user(request), site, Right.DECIDE_ON_FACES)
        text = with_field_errors(partial(publish_text, site=site, by=_user(request), now=timezone.now(), **values))
        return Response(ConsentTextSerializer(text).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ConsentTextSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Have nobody agree to this text from now on. For owners of the site."""
        text: ConsentTemplate = self.get_object()
        check_right(_user(request), text.site, Right.DECIDE_ON_FACES)
        retire_text(template=text, now=timezone.now())
        return Response(ConsentTextSerializer(text).data)

    @extend_schema(request=UsesSerializer, responses={201: LinkSerializer})
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """Make a link by which people enrol themselves from their own phones. For operators of the site."""
        text: ConsentTemplate = self.get_object()
        check_operator(request, text.site)
        serializer = UsesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return give_link(request, "enrol-oneself", site=text.site, template=text, **serializer.validated_data)


class DeskLinkSerializer(serializers.ModelSerializer[DeskLink]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    consent_text = serializers.CharField(source="template", read_only=True, help_text="The text with its version.")
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = DeskLink
        fields = ["id", "site", "consent_text", "created_at", "created_by", "expires_at", "uses_left"]


class DeskLinkViewSet(ScopedReadOnlyViewSet):
    """The links by which people enrol themselves now, the latest first; not their codes, which are not stored."""

    queryset = DeskLink.objects.filter(person=None).select_related("site", "template", "created_by")
    serializer_class = DeskLinkSerializer
    filterset_class = DeskLinkFilter
    cursor_ordering = ("-created_at", "-pk")

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(expires_at__gt=timezone.now())

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End the link. For operators of the site."""
        link: DeskLink = self.get_object()
        check_operator(request, link.site)
        link.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class OwnPageMixin(ScopedReadOnlyViewSet):
    """The link to a person's own page."""

    @extend_schema(request=None, responses={201: LinkSerializer})
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """Make a link to the person's own page; an earlier one ends. For operators of the site."""
        person: Person = self.get_object()
        check_operator(request, person.site)
        return give_link(request, "own-page", site=person.site, person=person)


def _user(request: Request) -> "User":
    """The user, whom the permission of the API has checked to be signed in."""
    return cast("User", request.user)


def give_link(request: Request, page: str, **what: Any) -> Response:
    make = partial(make_link, by=_user(request), now=timezone.now(), **what)
    made: tuple[DeskLink, str] = with_field_errors(make)
    link, code = made
    url = request.build_absolute_uri(reverse(page, args=[code]))
    shown = {"code": code, "url": url, "expires_at": link.expires_at}
    headers = {"Cache-Control": "no-store"}
    return Response(LinkSerializer(shown).data, status=status.HTTP_201_CREATED, headers=headers)

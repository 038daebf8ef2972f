"""Template tags with links to pictures."""

from typing import Any

from django import template

from faces.models import Capture, Coffee, Consent, Sighting
from faces.people import signatures
from faces.pictures import links

register = template.Library()


@register.simple_tag(takes_context=True)
def picture_link(context: dict[str, Any], capture: Capture) -> str:
    """Return a path of the capture's picture that is valid for the page's reader for some minutes."""
    return links.address(context["request"], capture.pk)


@register.simple_tag(takes_context=True)
def portrait_link(context: dict[str, Any], coffee: Coffee) -> str:
    """Return such a path of the face of the person who had this coffee."""
    return links.address(context["request"], coffee.pk, view="portrait")


@register.simple_tag(takes_context=True)
def face_link(context: dict[str, Any], sighting: Sighting) -> str:
    """Return such a path of the face of this sighting, for members of its site."""
    return links.address(context["request"], f"face {sighting.pk}", view="face-image", pk=sighting.pk)


@register.filter
def signature_path(consent: Consent) -> str:
    """Return the `d` of an SVG path that draws the consent's signature; "" if it was not drawn."""
    return signatures.path(consent.strokes)

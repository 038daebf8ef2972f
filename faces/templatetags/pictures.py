"""What pages need to show a picture."""

from typing import Any

from django import template

from faces.models import Capture, Coffee
from faces.pictures import links

register = template.Library()


@register.simple_tag(takes_context=True)
def picture_link(context: dict[str, Any], capture: Capture) -> str:
    """The address under which the page's reader may look at the capture's picture for some minutes."""
    return links.address(context["request"], capture.pk)


@register.simple_tag(takes_context=True)
def portrait_link(context: dict[str, Any], coffee: Coffee) -> str:
    """The address under which the page's reader may look at the face of whoever had this coffee."""
    return links.address(context["request"], coffee.pk, view="portrait")

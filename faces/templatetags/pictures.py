"""What pages need to show a picture."""

from typing import Any

from django import template

from faces import links
from faces.models import Capture

register = template.Library()


@register.simple_tag(takes_context=True)
def picture_link(context: dict[str, Any], capture: Capture) -> str:
    """The address under which the page's reader may look at the capture's picture for some minutes."""
    return links.address(context["request"], capture.pk)

"""The tabs of a site's settings. Each is a page of its own; the apps above add theirs with `register_tab`."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.template.context import Context

from devices.models import Site
from devices.rules.roles import Right


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a site's settings."""

    title: str
    route: str
    """The name of a route whose only argument is the site's slug."""
    rank: int
    """The tabs are shown in the order of their ranks."""
    right: Right = Right.SEE
    """The right that a user needs to open the page."""


_tabs: dict[str, Tab] = {}

register = template.Library()


def register_tab(tab: Tab) -> None:
    """Show this tab on the settings of every site."""
    _tabs[tab.route] = tab


def tabs_for(rights: frozenset[Right]) -> list[Tab]:
    """Return the tabs that somebody with these rights at a site may open, in their order."""
    return sorted((tab for tab in _tabs.values() if tab.right in rights), key=lambda tab: tab.rank)


@register.inclusion_tag("devices/managing/tabs.html", takes_context=True)
def site_tabs(context: Context, site: Site, current: str = "") -> dict[str, Any]:
    """Show the tabs of the site that the user may open. `current` is the route of the open tab; "": this page."""
    request = context["request"]
    shown = tabs_for(site.rights_of(request.user))
    return {"site": site, "tabs": shown, "current": current or request.resolver_match.url_name}

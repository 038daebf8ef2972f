"""Cards: what features add to the pages of a site and of a device, so that the pages import no feature."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.safestring import SafeString, mark_safe

from analytics.numbers.periods import Period
from devices.models import Device

Place = Literal["below-readings", "below-plots"]
"""Where on the page a card stands."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the page is about."""

    devices: Sequence[Device]
    """All devices of a site, or a single one."""
    device: Device | None
    """The single device; None on the page of a site."""
    period: Period


Card = Callable[[Subject], str]
"""Returns the card's HTML; an empty text where there is nothing to show."""

_cards: dict[Place, list[Card]] = defaultdict(list)


def register(place: Place, card: Card) -> None:
    """Show this card at this place of every page of a site and of a device. Called from `AppConfig.ready`."""
    if card not in _cards[place]:
        _cards[place].append(card)


def rendered(place: Place, subject: Subject) -> SafeString:
    """The HTML of all cards of a place, in the order in which they were registered."""
    return mark_safe("\n".join(card(subject) for card in _cards[place]))  # noqa: S308 - templates have escaped it

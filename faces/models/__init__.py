"""Models of pictures and their recognition, of people, consents and coffees, and of their upkeep."""

from faces.models.core import (
    MOST_HOURS,
    Capture,
    Coffee,
    Consent,
    Erasure,
    Face,
    Method,
    Mode,
    Person,
    Shows,
    Sighting,
    SitePolicy,
    State,
    guest_name,
    picture_name,
)
from faces.models.tallies import NOBODY, CoffeeTally, GalleryChange, Span
from faces.models.upkeep import ErasureNotice, Merge, RecogniserMonth, UnclaimedFace, UntoldSighting

__all__ = [
    "MOST_HOURS",
    "NOBODY",
    "Capture",
    "Coffee",
    "CoffeeTally",
    "Consent",
    "Erasure",
    "ErasureNotice",
    "Face",
    "GalleryChange",
    "Merge",
    "Method",
    "Mode",
    "Person",
    "RecogniserMonth",
    "Shows",
    "Sighting",
    "SitePolicy",
    "Span",
    "State",
    "UnclaimedFace",
    "UntoldSighting",
    "guest_name",
    "picture_name",
]

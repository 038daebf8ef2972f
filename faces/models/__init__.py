"""Pictures and what was recognised in them; people, their consent and their coffees; and what is kept of them."""

from faces.models.core import (
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
    picture_name,
)
from faces.models.upkeep import ErasureNotice, Merge, RecogniserMonth, UnclaimedFace

__all__ = [
    "Capture",
    "Coffee",
    "Consent",
    "Erasure",
    "ErasureNotice",
    "Face",
    "Merge",
    "Method",
    "Mode",
    "Person",
    "RecogniserMonth",
    "Shows",
    "Sighting",
    "SitePolicy",
    "State",
    "UnclaimedFace",
    "picture_name",
]

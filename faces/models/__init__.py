"""Models of pictures and their recognition, of people, consents and coffees, and of their upkeep."""

from faces.models.core import (
    MOST_GUEST_DAYS,
    MOST_HOURS,
    MOST_UNSEEN_DAYS,
    Annotation,
    Capture,
    Coffee,
    Erasure,
    Mode,
    Shows,
    Sighting,
    SitePolicy,
    State,
    picture_name,
)
from faces.models.desk import MOST_TERM, SIGNED_BY_PEOPLE, ConsentTemplate, DeskLink, EnrolmentDraft, EnrolmentPhoto
from faces.models.feelings import ExpressionQuarter, FeelingsConfirmation
from faces.models.notices import DisplayNotice
from faces.models.people import LONGEST_PROFILE, Consent, Face, Method, Person, guest_name
from faces.models.tallies import NOBODY, CoffeeTally, GalleryChange, Span
from faces.models.upkeep import ErasureNotice, Merge, RecogniserMonth, UnclaimedFace, UntoldSighting

__all__ = [
    "LONGEST_PROFILE",
    "MOST_GUEST_DAYS",
    "MOST_HOURS",
    "MOST_TERM",
    "MOST_UNSEEN_DAYS",
    "NOBODY",
    "SIGNED_BY_PEOPLE",
    "Annotation",
    "Capture",
    "Coffee",
    "CoffeeTally",
    "Consent",
    "ConsentTemplate",
    "DeskLink",
    "DisplayNotice",
    "EnrolmentDraft",
    "EnrolmentPhoto",
    "Erasure",
    "ErasureNotice",
    "ExpressionQuarter",
    "Face",
    "FeelingsConfirmation",
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

"""One spelling for each label, whatever the spelling in which a device sends it."""

import unicodedata
from functools import lru_cache

from edge_agent.vision.gestures import GESTURES

CACHED_LABELS = 4_096
"""Spellings that are cached, because devices send the same few again and again."""

MAX_LABEL = 64
"""Characters of a label, as in the wire contract."""


class BadLabel(ValueError):
    """The text cannot be a label. The text of the error is one sentence."""


@lru_cache(CACHED_LABELS)
def normalised(label: str) -> str:
    """Return the label in lower case, with single spaces, and without characters that cannot be seen.

    A gesture gets the spelling of `GESTURES`, so that `Thumbs_Up` is `thumbs-up`. Raises `BadLabel` if no
    characters remain, or more than `MAX_LABEL`, and if one is NUL, which no program means.
    """
    if "\x00" in label:
        raise BadLabel("A label contains the character NUL.")
    text = unicodedata.normalize("NFKC", label).lower().replace("_", " ")
    words = "".join(c if c.isprintable() or c.isspace() else "" for c in text).split()
    plain = " ".join(words)
    if not 0 < len(plain) <= MAX_LABEL:
        raise BadLabel(f"A label is empty, longer than {MAX_LABEL} characters or not printable.")
    return _GESTURES.get(plain.replace("-", " "), plain)


_GESTURES = {gesture.replace("-", " "): gesture for gesture in GESTURES}

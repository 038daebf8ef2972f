"""Addresses and commands as QR codes."""

import segno
from django.utils.safestring import SafeString, mark_safe


def as_qr_code(text: str, error: str = "m") -> SafeString:
    """Return the text as a QR code, an SVG that takes the size of its surroundings, black on white in any theme.

    With the error correction "m" a dirty print can still be read; "l" makes a code of a long text coarser.
    """
    svg = segno.make_qr(text, error=error).svg_inline(border=4, omitsize=True, dark="#000", light="#fff")
    return mark_safe(svg)  # noqa: S308  (the library writes numbers only)

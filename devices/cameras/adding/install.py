"""The command that sets a box up, and its picture as a QR code."""

import segno
from django.utils.safestring import SafeString, mark_safe


def command(*, script: str, code: str, sha256: str) -> str:
    """Return the command that installs the agent on a box. `script` is the address of the script."""
    return f"curl -fsSL {script} | sudo sh -s -- {code} {sha256}"


def as_qr_code(text: str) -> SafeString:
    """Return the text as a QR code, an SVG that takes the size of its surroundings."""
    svg = segno.make_qr(text, error="l").svg_inline(border=2, omitsize=True)
    return mark_safe(svg)  # noqa: S308  (the library writes numbers only)

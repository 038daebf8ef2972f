"""The command that sets a box up, its picture as a QR code, and the script that the command runs."""

import io

import qrcode
import qrcode.constants
from django.utils.safestring import SafeString, mark_safe
from qrcode.image.svg import SvgPathImage


def command(*, script: str, code: str, sha256: str) -> str:
    """Return the command that installs the agent on a box. `script` is the address of the script."""
    return f"curl -fsSL {script} | sudo sh -s -- {code} {sha256}"


def as_qr_code(text: str) -> SafeString:
    """Return the text as a QR code, an SVG that takes the size and colour of its surroundings."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=2, image_factory=SvgPathImage)
    code.add_data(text)
    code.make()
    out = io.BytesIO()
    code.make_image().save(out)
    svg = out.getvalue().decode()
    # Without the XML declaration, which has no place inside a page.
    return mark_safe(svg[svg.index("<svg") :])  # noqa: S308  (the library writes numbers only)

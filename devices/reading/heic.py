"""Converts HEIC photographs, which iPhones save, in a process of their own.

What decoding a HEIC costs is not bounded by its size and its sides, and its decoders are large libraries in C++. So
they run apart from the database and all secrets, with limits of memory and processor time that the kernel enforces.
"""

import subprocess
import sys
from pathlib import Path

from devices.reading.picture_files import MAX_PIXELS, BadPicture

DECODER = Path(__file__).with_name("heic_decoder.py")

WORK = 10_000_000
"""What a conversion takes beside the pixels of its result, in pixels of a baseline JPEG: 0.1 s of a core."""

MOST_SECONDS = 20.0
"""A photograph of 12 megapixels takes a second. Beyond this, the machine is overloaded."""


def as_jpeg(data: bytes) -> bytes:
    """Return the main picture of the HEIC as an upright JPEG, made smaller than `heic_decoder.SIDE`.

    Raises `BadPicture`.
    """
    command = [sys.executable, "-I", str(DECODER), str(MAX_PIXELS)]
    try:
        # Without the environment of this process, which has the passwords of the database and the broker.
        done = subprocess.run(  # noqa: S603 - the command is this program's own
            command, input=data, capture_output=True, timeout=MOST_SECONDS, env={}, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadPicture("The HEIC picture takes too long to read; save it as a JPEG.") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == 3:
        raise BadPicture(done.stdout.decode())
    raise BadPicture("The HEIC picture is damaged, or takes too much memory; save it as a JPEG.")

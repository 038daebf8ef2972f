"""Reads a HEIC from standard input, and writes it as a JPEG to standard output: a program, run by `heic.py`.

Ends with 0; with 3 after writing one sentence that says why the picture is not taken; or by a signal of its limits.
"""

import io
import resource
import sys

import pi_heif
from PIL import Image

SIDE = 2560
"""Pixels of the longer side of the result: a face that is near enough has several hundred."""

MOST_MEMORY = 1024**3
"""Bytes of addresses. A photograph of 25 megapixels takes half of it."""

MOST_CPU_SECONDS = 10
REFUSED = 3


def main(max_pixels: int) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    pi_heif.options.DECODE_THREADS = 1
    try:
        container = pi_heif.open_heif(io.BytesIO(sys.stdin.buffer.read()))
        main_picture = container[container.primary_index]
        width, height = main_picture.size
        if width * height > max_pixels:
            return refuse(f"The picture is {width} by {height} pixels; at most {max_pixels:,} in all are taken.")
        picture = main_picture.to_pillow()
    except (ValueError, OSError, SyntaxError, RuntimeError, EOFError) as error:
        return refuse(f"The HEIC picture is damaged: {error}.")
    picture.thumbnail((SIDE, SIDE))
    if picture.has_transparency_data:
        page = Image.new("RGB", picture.size, "white")
        page.paste(picture, mask=picture.convert("RGBA").getchannel("A"))
        picture = page
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=92)
    sys.stdout.buffer.write(out.getvalue())
    return 0


def refuse(sentence: str) -> int:
    sys.stdout.write(" ".join(sentence.split()))
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))

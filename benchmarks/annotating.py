"""`python -m benchmarks.annotating`: how soon the next picture is there for somebody who draws boxes.

The platform runs as in production (gunicorn), with the shipped models proposing boxes. A headless Chromium keeps
picture after picture of 1280 × 720 pixels, and measures the time from the click to the frame with the next picture,
decoded. Prints a table and writes `benchmarks/results/annotating.json`.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.tools import production, report, results, web

MOST_MS = 100.0
SIZE = (1280, 720)
SHIFTS = 60
"""Pixels by which the parts of a photograph differ, across: the same part again would be no further picture."""

PAUSE_MS = 300
"""Milliseconds that the annotator looks at each picture: a hasty one."""

NEXT = """async () => {
  const page = document.getElementById("annotate"), before = page.dataset.shown, start = performance.now();
  document.querySelector("button[data-do=keep]").click();
  while (page.dataset.shown === before) await new Promise((done) => setTimeout(done));
  const image = new Image();
  image.src = document.querySelector("#canvas image").getAttribute("href");
  await image.decode();
  await new Promise((done) => requestAnimationFrame(done));
  return performance.now() - start;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1_000, help="pictures to annotate (1,000)")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="headcount-annotating-") as folder:
        admin, page = prepared(Path(folder), asked.pictures)
        with web.serving() as address:
            took = sorted(annotated(address + page, admin, asked.pictures, address))
    measured = [
        report.told("pictures annotated", len(took), ""),
        report.below("next picture, median", statistics.median(took), "ms", MOST_MS),
        report.below("next picture, 95th percentile", took[int(0.95 * len(took))], "ms", MOST_MS),
        report.told("next picture, slowest", took[-1], "ms"),
        report.told("load of the machine before", load, ""),
    ]
    print(report.table(measured))
    results.write(results.FOLDER / "annotating.json", measured)


def prepared(folder: Path, count: int) -> tuple[Any, str]:
    """Set up a platform with a data set of so many pictures. Return its administrator and the path of the page."""
    os.environ |= production.environment(folder) | {"DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    os.environ.setdefault("MODELS_DIR", str(results.ROOT / "var" / "models"))
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.urls import reverse

    from devices.services import register_site
    from learning.datasets.pictures import add, prepare
    from learning.datasets.services import create_data_set

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    site = register_site(name="Bench", slug="bench", timezone="UTC")
    made = create_data_set(site=site, name="many", by=None)
    for number in tqdm(range(count), desc="pictures", unit="picture"):
        add(prepared=prepare(data_set=made, name=f"{number:05}.jpg", data=photograph(number), recording="lobby"))
    admin = User.objects.create_superuser("admin")
    return admin, reverse("data-set-annotate", args=[made.pk])


def photograph(number: int) -> bytes:
    """Return a part of a photograph, as a JPEG; each number another one."""
    from skimage import data

    shown = np.asarray((data.astronaut(), data.coffee(), data.rocket(), data.chelsea())[number % 4], np.uint8)
    left, top = number // 4 % SHIFTS, number // 4 // SHIFTS
    out = io.BytesIO()
    Image.fromarray(shown[top:, left:]).resize(SIZE).save(out, "JPEG", quality=90)
    return out.getvalue()


def annotated(page: str, admin: Any, count: int, address: str) -> list[float]:
    """Keep all pictures but the last, and return the milliseconds to each next one."""
    from tests.programs.chromium import chromium, until

    took = []
    with chromium() as browser:
        browser.sign_in_as(admin, address)
        browser.page.goto(page)
        until(browser.page, "document.getElementById('annotate').dataset.shown !== undefined")
        for _ in tqdm(range(count - 1), desc="annotates", unit="picture"):
            browser.page.wait_for_timeout(PAUSE_MS)
            took.append(browser.page.evaluate(NEXT))
        until(browser.page, "document.getElementById('annotate').dataset.saved !== undefined")
    return took


if __name__ == "__main__":
    main()

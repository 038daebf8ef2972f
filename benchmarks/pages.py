"""`python -m benchmarks.pages`: the size of a device page's JavaScript, and the time until its first plot is visible.

The data is the demo's history of two weeks. The platform runs as in production (gunicorn, compressed static files). A
headless Chromium loads the page first with an empty cache and then with a warm one. Prints a table and writes
`benchmarks/results/pages.json`. `--data` takes a folder that `python -m demo.steps` has prepared.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tools import production, report, results, web

KB = 1000
MOST_JAVASCRIPT_KB = 500.0
FIRST_PLOT_MS = 1000.0
DAYS, SEED = 14, 1
PAGE = "/sites/seattle/devices/Seattle01/"

NOTE_PLOTS = """
  window.noted = {};
  const wanted = { drawing: ".drawing path.people", plot: ".js-plotly-plot svg .point path" };
  new MutationObserver(() => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (!document.querySelector(selector)) continue;
      delete wanted[name];
      // When the next animation frame has ended, the plot is on the screen.
      requestAnimationFrame(() => setTimeout(() => { noted[name] = performance.now(); }));
    }
  }).observe(document, { childList: true, subtree: true });
"""
SCRIPTS = """performance.getEntriesByType("resource").filter(each => each.initiatorType === "script")
  .reduce((sum, each) => sum + each.encodedBodySize, 0)"""
ANSWERED = "performance.getEntriesByType('navigation')[0].responseEnd"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--loads", type=int, default=10, help="number of page loads with a warm cache (10)")
    parser.add_argument("--data", type=Path, help="data folder with the demo's history (a new, temporary one)")
    asked = parser.parse_args()
    folder = asked.data or Path(tempfile.mkdtemp(prefix="headcount-pages-"))
    try:
        admin = prepared(folder)
        with web.serving() as address:
            weight, found = loads(address, admin, asked.loads)
    finally:
        if asked.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    answered, drawing, plot = ([load[name] for load in found] for name in ("answered", "drawing", "plot"))
    measured = [
        report.below("JavaScript of a device's page, compressed", weight / KB, "KB", MOST_JAVASCRIPT_KB),
        report.below("first plot on the screen, median", statistics.median(drawing[1:]), "ms", FIRST_PLOT_MS),
        report.below("first plot on the screen, empty cache", drawing[0], "ms", FIRST_PLOT_MS),
        report.told("the same drawn by the script, median", statistics.median(plot[1:]), "ms"),
        report.told("until the server has answered, median", statistics.median(answered[1:]), "ms"),
        report.told("load of the machine before", LOAD, ""),
    ]
    print(report.table(measured))
    results.write(results.FOLDER / "pages.json", measured)


LOAD = os.getloadavg()[0]


def prepared(folder: Path) -> Any:
    """Set up a platform with the demo's history in this folder. Return its administrator, a `User`."""
    os.environ |= production.environment(folder) | {"DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    os.environ.setdefault("MODELS_DIR", str(results.ROOT / "var" / "models"))
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.utils import timezone

    from demo.database import prepare

    for command in ("migrate", "fetch_plotly"):
        call_command(command, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    prepare(folder, days=DAYS, seed=SEED, now=timezone.now())
    return User.objects.get(username="admin")


def loads(address: str, admin: Any, times: int) -> tuple[float, Sequence[dict[str, float]]]:
    """Load the page this many times after a first load with an empty cache.

    Return the compressed bytes of the page's scripts, and for each load the milliseconds until three events: the end of
    the response ("answered"), the server's plot ("drawing"), and the plot drawn by the script ("plot").
    """
    from tests.programs.chromium import chromium

    found = []
    with chromium() as browser:
        browser.sign_in_as(admin, address)
        browser.page.add_init_script(NOTE_PLOTS)
        for number in range(1 + times):
            browser.page.goto(address + PAGE)
            while browser.page.evaluate("noted.plot") is None:
                browser.page.wait_for_timeout(50)
            found.append({**browser.page.evaluate("noted"), "answered": browser.page.evaluate(ANSWERED)})
            if not number:
                weight = browser.page.evaluate(SCRIPTS)
    return weight, found


if __name__ == "__main__":
    main()

"""Stores what the display before one of the demo's cameras showed in the past; see `turns`."""

from collections.abc import Iterator

from demo.past.history import epoch_ms, moment
from demo.past.progress import Progress
from demo.past.turns import CAMERA, CONTENTS, TURN_MS, shown_at
from devices.models import Site
from plays.attribution.services import compute_changed
from plays.intake.reports import Report
from plays.intake.services import change_screen, store
from plays.models import Play, Screen, Source

SCREEN = "Lobby display"


def create_plays(at: Progress) -> None:
    """Store what was shown in the history, unless it is stored, and compute what people did meanwhile."""
    site = Site.objects.get(name=CAMERA.site)
    screen = Screen.objects.filter(site=site, name=SCREEN).first()
    if screen is None:
        screen = change_screen(screen=Screen(site=site, name=SCREEN, cameras=[CAMERA.name]))
    if not Play.objects.filter(screen=screen).exists():
        store(screen=screen, reports=list(reports(at)), source=Source.API, now=at.end)
    compute_changed(now=at.end)


def reports(at: Progress) -> Iterator[Report]:
    """Yield the plays of the history, one for each turn that lies in it whole."""
    start, end = epoch_ms(at.start), epoch_ms(at.end)
    for began in range(-(-start // TURN_MS) * TURN_MS, end - TURN_MS + 1, TURN_MS):
        yield Report(CONTENTS[shown_at(began)], moment(began), moment(began + TURN_MS))

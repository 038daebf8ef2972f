"""Stores what the display before one of the demo's cameras showed in the past, and its experiment; see `demo.turns`."""

from collections.abc import Iterator

from demo import turns
from demo.past.history import epoch_ms, moment
from demo.past.progress import Progress
from demo.turns import CAMERA, CONTENTS, CONTROL, SCREEN, TURN_MS, PastTurns
from devices.models import Site
from plays.attribution.services import compute_changed
from plays.experiments.services import publish
from plays.intake.reports import Report
from plays.intake.services import change_screen, store
from plays.models import Content, Experiment, Play, Screen, Source


def create_plays(at: Progress) -> None:
    """Store what was shown in the history and its experiment, unless they are stored, and compute what people did."""
    site = Site.objects.get(name=CAMERA.site)
    screen = Screen.objects.filter(site=site, name=SCREEN).first()
    if screen is None:
        screen = change_screen(screen=Screen(site=site, name=SCREEN, cameras=[CAMERA.name]))
    if not Play.objects.filter(device__in=site.devices.all(), screen=screen).exists():
        store(screen=screen, reports=list(reports(at)), source=Source.API, now=at.end)
    if not Experiment.objects.filter(screen=screen).exists():
        _create_experiment(screen, at)
    compute_changed(now=at.end)


def reports(at: Progress) -> Iterator[Report]:
    """Yield the plays of the history, one for each turn that lies in it whole."""
    start, end, shown = epoch_ms(at.start), epoch_ms(at.end), PastTurns.between(at.start, at.end)
    for began in range(-(-start // TURN_MS) * TURN_MS, end - TURN_MS + 1, TURN_MS):
        yield Report(CONTENTS[shown.shown_at(began)], moment(began), moment(began + TURN_MS))


def _create_experiment(screen: Screen, at: Progress) -> None:
    """Publish the experiment whose plan the display followed, as it was published at the beginning of the history."""
    frame = turns.experiment_frame(at.start, at.end)
    if frame is None:
        return
    experiment = Experiment(
        site=screen.site,
        screen=screen,
        name="Space or numbers",
        first_day=frame.first_day,
        days=frame.days,
        from_hour=frame.from_hour,
        to_hour=frame.to_hour,
        block_minutes=frame.block_minutes,
    )
    keys = CONTENTS[CONTROL], CONTENTS[1 - CONTROL]
    contents = [Content.objects.get(site=screen.site, key=key) for key in keys]
    publish(experiment=experiment, contents=contents, by=None, now=at.start, seed=turns.PLAN_SEED)
    Experiment.objects.filter(pk=experiment.pk).update(created_at=at.start)

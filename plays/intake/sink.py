"""The intake's sink of plays: what players report by MQTT, or as messages over HTTP."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from django.utils import timezone

from devices.intake.batches import Batch, Write, write_nothing
from devices.reading.facts import ReceivedPlay
from plays.intake.reports import BadReport, Report
from plays.intake.services import store
from plays.models import Screen, Source


def note(batch: Batch) -> Write:
    """Return the write of the plays in this batch."""
    return partial(_write, batch.plays) if batch.plays else write_nothing


def _write(plays: Sequence[ReceivedPlay]) -> None:
    """Store the plays of each player on its screens. A player without a screen gets one that its own spot sees."""
    of_player: dict[int, list[ReceivedPlay]] = defaultdict(list)
    for play in plays:
        of_player[play.device.pk].append(play)
    for _, received in sorted(of_player.items()):
        device = received[0].device
        reports = [
            Report(
                content=each.shown.content,
                started_at=each.started_at,
                ended_at=each.ended_at,
                name=each.shown.name,
                layout=each.shown.layout,
                position=each.shown.position,
            )
            for each in received
        ]
        screens = list(Screen.objects.filter(site=device.site_id, player=device.thing.pk).select_related("site"))
        if not screens:
            screen, _ = Screen.objects.get_or_create(
                site_id=device.site_id,
                name=device.name,
                defaults={"cameras": [device.name], "player_id": device.thing.pk},
            )
            screens = [screen]
        ahead = next((each.ahead for each in reversed(received) if each.ahead is not None), None)
        for screen in screens:
            now = timezone.now()
            stored = store(screen=screen, reports=reports, source=Source.MQTT, now=now, ahead=ahead, instead=device)
            if stored.refused:  # The intake then quarantines the message that it came in.
                raise BadReport(stored.refused[0][1])

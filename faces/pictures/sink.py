"""Takes the pictures of each batch of the intake in, and has them recognised after the commit."""

import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django_q.tasks import async_task

from devices.intake.batches import Batch, Write, write_nothing
from devices.intake.decoding import TakenPicture
from edge_agent.messages import Face
from faces.models import Capture, State
from faces.pictures import storage

log = logging.getLogger(__name__)

RESCUE_AFTER = dt.timedelta(minutes=2)
"""A capture that is still queued after this long has probably lost its task; the sweep gives it another."""


def take_in(batch: Batch) -> Write:
    """What makes a capture of each picture that is new; idempotent. It must run inside a transaction.

    The file is written before the commit; `pictures.remove_left_over` deletes it should the commit never come.
    """
    return partial(_take_in, batch.pictures) if batch.pictures else write_nothing


def _take_in(taken: Sequence[TakenPicture]) -> None:
    jpegs = {capture.pk: (capture, picture.jpeg) for picture in taken for capture in [_capture(picture)]}
    Capture.objects.bulk_create([capture for capture, _ in jpegs.values()], ignore_conflicts=True)
    new = list(Capture.objects.filter(pk__in=jpegs).values_list("pk", flat=True))
    for pk in new:
        capture, jpeg = jpegs[pk]
        if jpeg is not None:
            storage.store(str(capture.image), jpeg)
    to_do = [pk for pk in new if jpegs[pk][0].state == State.QUEUED]
    to_do += _fill_linked([(capture, jpeg) for pk, (capture, jpeg) in jpegs.items() if jpeg and pk not in new])
    transaction.on_commit(partial(enqueue, to_do))


def _fill_linked(pairs: Sequence[tuple[Capture, bytes]]) -> list[uuid.UUID]:
    """Give their pictures to captures of which only the address was known; returns which they are."""
    if not pairs:
        return []
    linked = Capture.objects.filter(state=State.LINKED, key__in=[capture.key for capture, _ in pairs])
    waiting = {(one.device_id, one.key): one.pk for one in linked.only("device_id", "key")}
    filled = []
    for capture, jpeg in pairs:
        pk = waiting.pop((capture.device_id, capture.key), None)
        news = {
            name: getattr(capture, name) for name in ("image", "source_url", "shows", "area", "state", "next_try_at")
        }
        if pk is not None and Capture.objects.filter(pk=pk, state=State.LINKED).update(**news):
            storage.store(str(capture.image), jpeg)
            filled.append(pk)
    return filled


def enqueue(captures: Sequence[uuid.UUID]) -> None:
    """Have a worker recognise these captures soon. Never fails: what is not enqueued now, the sweep finds."""
    try:
        with transaction.atomic():  # one commit for all, where the queue is in the database
            for pk in captures:
                async_task("faces.tasks.recognise_capture", str(pk))
    except Exception:
        log.exception("%d captures could not be handed to the workers; the sweep will.", len(captures))


def _capture(picture: TakenPicture) -> Capture:
    capture = Capture(
        device=picture.device,
        taken_at=picture.taken_at,
        received_at=picture.received_at,
        key=picture.key,
        shows=picture.shows,
        source_url=picture.source_url,
        claimed_faces=[_claim(face) for face in picture.faces],
        area=picture.area,
        state=State.LINKED if picture.jpeg is None else State.QUEUED,
        next_try_at=picture.received_at + RESCUE_AFTER,
    )
    if picture.jpeg is not None:
        capture.image = storage.name_for(capture)
    return capture


def _claim(face: Face) -> dict[str, Any]:
    return {"confidence": face.confidence, "box": face.box and list(face.box)}

"""Stores the pictures of each batch of the intake, and enqueues their recognition after the commit."""

import base64
import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django_q.tasks import async_task

from devices.intake.batches import Batch, Write, write_nothing
from devices.reading.decoding import TakenPicture
from edge_agent.messages import Face
from faces.models import Capture, State
from faces.pictures import storage

log = logging.getLogger(__name__)

RESCUE_AFTER = dt.timedelta(minutes=2)
"""A capture that is still queued after this long has probably lost its task; the sweep enqueues it again."""


def take_in(batch: Batch) -> Write:
    """Return the write that creates a capture for each new picture, except those for training alone.

    The write is idempotent, and must run in a transaction.
    Files are written before the commit; `storage.remove_left_over` deletes them if the transaction rolls back.
    """
    pictures = [picture for picture in batch.pictures if picture.training is None]
    return partial(_store_pictures, pictures) if pictures else write_nothing


def _store_pictures(pictures: Sequence[TakenPicture]) -> None:
    jpegs = {capture.pk: (capture, picture.jpeg) for picture in pictures for capture in [_capture(picture)]}
    Capture.objects.bulk_create([capture for capture, _ in jpegs.values()], ignore_conflicts=True)
    new = list(Capture.objects.filter(pk__in=jpegs).values_list("pk", flat=True))
    for pk in new:
        capture, jpeg = jpegs[pk]
        if jpeg is not None:
            storage.store(str(capture.image), jpeg)
    to_recognise = [pk for pk in new if jpegs[pk][0].state == State.QUEUED]
    to_recognise += _fill_linked([(capture, jpeg) for pk, (capture, jpeg) in jpegs.items() if jpeg and pk not in new])
    transaction.on_commit(partial(enqueue, to_recognise))
    if linked := [pk for pk in new if jpegs[pk][0].state == State.LINKED]:
        transaction.on_commit(partial(enqueue_fetch, linked))


def _fill_linked(pairs: Sequence[tuple[Capture, bytes]]) -> list[uuid.UUID]:
    """Store the pictures in the captures that are already `linked` to them, and return the ids of these captures.

    The term for which the site keeps a picture begins when the picture has come.
    """
    if not pairs:
        return []
    linked = Capture.objects.filter(state=State.LINKED, key__in=[capture.key for capture, _ in pairs])
    waiting = {(capture.device_id, capture.key): capture.pk for capture in linked.only("device_id", "key")}
    filled = []
    for capture, jpeg in pairs:
        pk = waiting.pop((capture.device_id, capture.key), None)
        values = {
            name: getattr(capture, name)
            for name in ("image", "source_url", "shows", "area", "state", "next_try_at", "reason", "received_at")
        }
        if pk is not None and Capture.objects.filter(pk=pk, state=State.LINKED).update(**values):
            storage.store(str(capture.image), jpeg)
            filled.append(pk)
    return filled


def enqueue_fetch(captures: Sequence[uuid.UUID]) -> None:
    """Enqueue the fetching of linked pictures. Never raises: the sweep fetches what fails here."""
    try:
        async_task("faces.tasks.fetch_linked_pictures", *map(str, captures))
    except Exception:
        log.exception("%d linked pictures could not be enqueued; the sweep will fetch them.", len(captures))


def enqueue(captures: Sequence[uuid.UUID]) -> None:
    """Enqueue the recognition of these captures. Never raises: the sweep enqueues what fails here."""
    try:
        with transaction.atomic():  # one commit for all, where the queue is in the database
            for pk in captures:
                async_task("faces.tasks.recognise_capture", str(pk))
    except Exception:
        log.exception("%d captures could not be enqueued; the sweep will enqueue them.", len(captures))


def _capture(picture: TakenPicture) -> Capture:
    capture = Capture(
        device=picture.device,
        taken_at=picture.taken_at,
        received_at=picture.received_at,
        key=picture.key,
        shows=picture.shows,
        source_url=picture.source_url,
        claimed_faces=[_claimed_face(face) for face in picture.faces],
        looks=[[face, base64.b64encode(jpeg).decode("ascii")] for face, jpeg in picture.looks],
        area=picture.area,
        state=State.LINKED if picture.jpeg is None else State.QUEUED,
        next_try_at=picture.received_at + RESCUE_AFTER,
    )
    if picture.jpeg is not None:
        capture.image = storage.name_for(capture)
    return capture


def _claimed_face(face: Face) -> dict[str, Any]:
    return {"confidence": face.confidence, "box": face.box and list(face.box)}

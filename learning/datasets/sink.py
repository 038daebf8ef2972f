"""Stores the pictures that cameras send for training, where the owner of their site lets the cameras do so."""

import datetime as dt
import hashlib
import io
import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum
from PIL import Image

from devices.intake.batches import Batch, Write, write_nothing
from devices.reading.decoding import TakenPicture
from devices.reading.labels import BadLabel, normalised
from edge_agent.messages import Labelled
from learning.datasets.formats.boxes import checked_box
from learning.models import Annotation, DataSet, Label, Origin, Picture, TrainingPolicy

log = logging.getLogger(__name__)

MEGABYTE = 1_000_000


def take_training_pictures(batch: Batch) -> Write:
    """Return the write that adds the pictures for training to the data sets of their sites. It is idempotent.

    Pictures of a site that does not want them, and those beyond the day's budget of their camera, are not kept; the log
    says how many.
    """
    pictures = [each for each in batch.pictures if each.training is not None and each.jpeg is not None]
    return partial(_store, pictures) if pictures else write_nothing


def _store(pictures: Sequence[TakenPicture]) -> None:
    sites = {picture.device.site_id for picture in pictures}
    wanted = TrainingPolicy.objects.filter(site__in=sites, is_on=True, from_cameras=True).exclude(data_set=None)
    policies = {policy.site_id: policy for policy in wanted.select_related("data_set")}
    left_out: dict[str, int] = defaultdict(int)
    for picture in pictures:
        policy = policies.get(picture.device.site_id)
        if policy is None or policy.data_set is None:
            left_out["their site's owner does not let cameras send them"] += 1
        elif not _add(policy, policy.data_set, picture):
            left_out["the day's budget of their camera is spent"] += 1
    for why, count in left_out.items():
        log.warning("%d pictures for training were not kept, because %s.", count, why)


def _add(policy: TrainingPolicy, data_set: DataSet, taken: TakenPicture) -> bool:
    """Add the picture unless the data set has it; return whether the camera's budget allows it."""
    jpeg = taken.jpeg or b""
    sha256 = hashlib.sha256(jpeg).hexdigest()
    known = Picture.objects.filter(data_set=data_set)
    if known.filter(sha256=sha256).exists():
        return True
    day = taken.taken_at.astimezone(dt.UTC).date()
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    of_day = known.filter(
        origin=Origin.FIELD, device=taken.device, taken_at__gte=start, taken_at__lt=start + dt.timedelta(days=1)
    )
    spent = of_day.aggregate(bytes=Sum("bytes"))["bytes"] or 0
    if spent + len(jpeg) > policy.megabytes * MEGABYTE:
        return False
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as header:
        width, height = header.size
    recording = f"{taken.device.name} {day}"
    seen = taken.training or ()
    row = Picture(
        data_set=data_set,
        name=f"{recording}/{taken.taken_at:%H%M%S}-{sha256[:8]}.jpg",
        # Named after the content, so that a message that is tried again writes no second file.
        image=f"learning/{data_set.pk}/{sha256}.jpg",
        sha256=sha256,
        bytes=len(jpeg),
        width=width,
        height=height,
        recording=recording,
        origin=Origin.FIELD,
        device=taken.device,
        taken_at=taken.taken_at,
        uncertainty=1 - min((each.confidence for each in seen), default=1.0),
    )
    if not default_storage.exists(str(row.image)):
        default_storage.save(str(row.image), ContentFile(jpeg))
    row.save()
    _annotate(row, seen)
    return True


def _annotate(picture: Picture, seen: Sequence[Labelled]) -> None:
    """Draw what the camera saw, as far as the data set has labels for it; people then correct the boxes."""
    labels = {label.key: label for label in Label.objects.filter(data_set=picture.data_set_id)}
    rows = []
    for each in seen:
        try:
            label = labels.get(normalised(each.label))
        except BadLabel:
            continue
        if label is not None and each.box is not None:
            left, top, width, height = each.box
            sides = (left, top, left + width, top + height)
            box, _ = checked_box(label.name, *sides, (picture.width, picture.height))
            if box is not None:
                rows.append(
                    Annotation(
                        picture=picture, label=label, left=box.left, top=box.top, width=box.width, height=box.height
                    )
                )
    Annotation.objects.bulk_create(rows)

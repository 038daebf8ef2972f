"""Encodes messages exactly as DeepLens devices published them on `$aws/things/<thing>/infer`.

Payloads are UTF-8. Confidences are probabilities. They are written in half precision, in which the devices' accelerator
computed.
"""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

START_UP = ("Loading object detection model", "Object detection model loaded", "Face detection starts now")
"""The log lines of a starting device."""

BUCKET = "YOUR-BUCKET-NAME"
PICTURE_BUCKET = f"https://s3.amazonaws.com/{BUCKET}/images"
"""The placeholder for a bucket in the tutorial, which devices in the field still publish."""


def infer_topic(thing: str) -> str:
    return f"$aws/things/{thing}/infer"


def log_line(text: str) -> bytes:
    """Return a log line of the device's program, which is plain text."""
    return text.encode()


def no_detections() -> bytes:
    """Return the message that the face detection program sends as a heartbeat when it detects nobody."""
    return b"NO DETECTIONS MADE"


def one_face(confidence: float) -> bytes:
    """Return a frame with one face in the dialect of the face detection sample."""
    return _encoded({"face": half(confidence)})


def faces(confidences: Sequence[float]) -> bytes:
    """Return a frame with any number of faces in the engagement sample's dialect: one object with repeated keys."""
    return ("{" + "".join(f'"1": {half(one)},' for one in confidences) + '"null": 0.0}').encode()


def flagged_faces(confidences: Sequence[float]) -> bytes:
    """Return a frame with any number of faces in the dialect with a flag; an empty frame is `{"face": "false"}`."""
    if not confidences:
        return b'{"face": "false"}'
    return ("{" + "".join(f'"prob": {half(one)},' for one in confidences) + '"face": "true"}').encode()


def empty() -> bytes:
    """Return a frame without faces in the dialects with one key per face."""
    return b"{}"


def thumbs_up(confidences: Sequence[float], at: float, device: str) -> bytes:
    """Return a frame with thumbs-up and a link to its picture. `at` is epoch seconds; the device's clock is UTC."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d-%H%M%S")
    objects = [
        {"index": index, "confidence": half(confidence), "object": "thumbs-up"}
        for index, confidence in enumerate(confidences)
    ]
    link = f"{PICTURE_BUCKET}/image_at_{stamp}.jpg"
    return _encoded({"link_to_img": link, "timestamp": stamp, "objects": objects, "device_id": device})


def face_crop(jpeg: bytes, at_ms: int, confidence: float) -> bytes:
    """Return a picture of a face. `at_ms` is epoch milliseconds."""
    picture = base64.b64encode(jpeg).decode("ascii")
    return _encoded({"image_string": picture, "unix_time": at_ms, "face": half(confidence)})


def half(confidence: float) -> float:
    """Return the nearest half-precision number, as the device's accelerator computed it."""
    return float(np.float16(confidence))


def _encoded(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode()

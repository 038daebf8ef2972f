"""What DeepLens devices said, byte for byte: typed facts in, payloads of `$aws/things/<thing>/infer` out.

Payloads are UTF-8. Confidences are probabilities; they are written as the devices wrote them, the half-precision
floats of their accelerator.
"""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

START_UP = ("Loading object detection model", "Object detection model loaded", "Face detection starts now")
"""The log lines of a device that starts."""

PICTURE_BUCKET = "https://s3.amazonaws.com/YOUR-BUCKET-NAME/images"
"""The bucket as the tutorial printed it, and as devices in the field still say it."""


def infer_topic(thing: str) -> str:
    return f"$aws/things/{thing}/infer"


def log_line(text: str) -> bytes:
    """A line of the device's program, as plain text."""
    return text.encode()


def no_detections() -> bytes:
    """The face sample's sign of life."""
    return b"NO DETECTIONS MADE"


def one_face(confidence: float) -> bytes:
    """A frame with one face, as the face detection sample says it."""
    return _encoded({"face": half(confidence)})


def faces(confidences: Sequence[float]) -> bytes:
    """A frame with any number of faces, as the engagement sample says it: one object whose key repeats."""
    return ("{" + "".join(f'"1": {half(one)},' for one in confidences) + '"null": 0.0}').encode()


def flagged_faces(confidences: Sequence[float]) -> bytes:
    """The same in the dialect with a flag, where an empty frame is `{"face": "false"}`."""
    if not confidences:
        return b'{"face": "false"}'
    return ("{" + "".join(f'"prob": {half(one)},' for one in confidences) + '"face": "true"}').encode()


def empty() -> bytes:
    """A frame without faces, as the samples say it that write one key per face."""
    return b"{}"


def thumbs_up(confidences: Sequence[float], at: float, device: str) -> bytes:
    """A frame with thumbs-up: the record with the picture's link. `at` is epoch seconds; the device's clock is UTC."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d-%H%M%S")
    objects = [
        {"index": index, "confidence": half(confidence), "object": "thumbs-up"}
        for index, confidence in enumerate(confidences)
    ]
    link = f"{PICTURE_BUCKET}/image_at_{stamp}.jpg"
    return _encoded({"link_to_img": link, "timestamp": stamp, "objects": objects, "device_id": device})


def face_crop(jpeg: bytes, at_ms: int, confidence: float) -> bytes:
    """A picture of a face. `at_ms` is epoch milliseconds."""
    picture = base64.b64encode(jpeg).decode("ascii")
    return _encoded({"image_string": picture, "unix_time": at_ms, "face": half(confidence)})


def half(confidence: float) -> float:
    """The nearest half-precision number, which is what the device's accelerator computed with."""
    return float(np.float16(confidence))


def _encoded(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode()

"""The file of a trained model: a JSON header and plain arrays of numbers. Nothing in it is ever executed.

A file is `MAGIC`, the length of the header (4 bytes, little-endian), the header, the arrays in the order of the header,
and the SHA-256 of all that. The whole file is checked before the header is read.
"""

import hashlib
import struct
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Label, Probability, Text

MAGIC = b"HEADCOUNT MODEL 1\n"
MAX_BYTES = 16 * 1024 * 1024
"""The largest file. A model of gestures has some 50 KB, one of things 300 KB, one of a rigid thing 30 KB."""
MAX_HEADER_BYTES = 256 * 1024
DIGEST_BYTES = hashlib.sha256().digest_size

Kind = Literal["gesture", "thing", "rigid"]
"""A gesture is told from a hand's landmarks, a thing from the object detector's features, a rigid one from outlines."""

_TYPES: dict[str, type[np.generic]] = {"f4": np.float32, "f2": np.float16, "i4": np.int32, "u1": np.uint8}

Array = NDArray[np.generic]


class BadModelFile(ValueError):
    """The file is no model that can be used. The text is one sentence."""


class ArrayShape(msgspec.Struct, frozen=True):
    """One array of the file."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    type: Literal["f4", "f2", "i4", "u1"]
    shape: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=2**24)], ...], msgspec.Meta(max_length=4)]


class Header(msgspec.Struct, frozen=True):
    """What a model is, beside its arrays."""

    kind: Kind
    name: Annotated[Text, msgspec.Meta(min_length=1, max_length=120)]
    """The name of the data set that it was trained with, and the number of the run."""
    labels: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1, max_length=200)]
    """The labels in the order of the model's answers."""
    threshold: Probability
    """Answers with a lower confidence are not reported."""
    arrays: Annotated[tuple[ArrayShape, ...], msgspec.Meta(max_length=64)]
    silent: tuple[Label, ...] = ()
    """Labels that are learned so that they are told from the others, but never reported."""


class ModelFile(msgspec.Struct, frozen=True):
    """A model: its header and its arrays by name."""

    header: Header
    arrays: Mapping[str, Array]

    def array(self, name: str, *shape: int | None) -> NDArray[np.float64]:
        """Return an array as 64-bit numbers. Raises `BadModelFile` unless it is there, finite, and has this shape.

        None in `shape` stands for any length.
        """
        found = self.arrays.get(name)
        if found is None:
            raise BadModelFile(f"the model has no array “{name}”")
        fits = found.ndim == len(shape) and all(
            want in (None, has) for want, has in zip(shape, found.shape, strict=True)
        )
        if not fits:
            raise BadModelFile(f"the array “{name}” has the shape {found.shape}, not {shape}")
        numbers = found.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise BadModelFile(f"the array “{name}” contains what is no number")
        return numbers


def write(
    *,
    kind: Kind,
    name: str,
    labels: tuple[str, ...],
    threshold: float,
    arrays: Mapping[str, Array],
    silent: tuple[str, ...] = (),
) -> bytes:
    """Return the file of a model. The same model always makes the same bytes. Raises `BadModelFile`."""
    codes = {np.dtype(dtype): code for code, dtype in _TYPES.items()}
    try:
        shapes = tuple(ArrayShape(key, codes[each.dtype], each.shape) for key, each in arrays.items())  # type: ignore[arg-type]
    except KeyError as error:
        raise BadModelFile(f"an array has the type {error}") from None
    header = msgspec.json.encode(Header(kind, name, labels, threshold, shapes, silent))
    numbers = b"".join(np.ascontiguousarray(each, each.dtype.newbyteorder("<")).tobytes() for each in arrays.values())
    body = MAGIC + struct.pack("<I", len(header)) + header + numbers
    content = body + hashlib.sha256(body).digest()
    read(content)
    return content


def with_threshold(content: bytes, threshold: float) -> bytes:
    """Return the same model with another threshold. Raises `BadModelFile`."""
    file = read(content)
    return write(
        kind=file.header.kind,
        name=file.header.name,
        labels=file.header.labels,
        threshold=threshold,
        arrays=file.arrays,
        silent=file.header.silent,
    )


def read(content: bytes) -> ModelFile:
    """Return the model. Raises `BadModelFile` unless the file is whole, within the limits and consistent."""
    if len(content) > MAX_BYTES:
        raise BadModelFile(f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are taken")
    if not content.startswith(MAGIC):
        raise BadModelFile("the file is no model of Headcount")
    body, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise BadModelFile("the file is damaged: its checksum is wrong")
    start = len(MAGIC) + 4
    if len(body) < start:
        raise BadModelFile("the file ends before its header")
    (length,) = struct.unpack_from("<I", body, len(MAGIC))
    if length > MAX_HEADER_BYTES or start + length > len(body):
        raise BadModelFile("the header is longer than it may be")
    try:
        header = msgspec.json.decode(body[start : start + length], type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadModelFile(f"the header cannot be read: {error}") from None
    if len(set(header.labels)) != len(header.labels):
        raise BadModelFile("two labels of the model are the same")
    return ModelFile(header, _arrays(header, body, start + length))


def _arrays(header: Header, body: bytes, place: int) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for each in header.arrays:
        dtype = np.dtype(_TYPES[each.type]).newbyteorder("<")
        count = 1
        for side in each.shape:
            count *= side
        end = place + count * dtype.itemsize
        if end > len(body) or each.name in arrays:
            raise BadModelFile(f"the array “{each.name}” is longer than the file, or there twice")
        arrays[each.name] = np.frombuffer(body, dtype, count, place).reshape(each.shape)
        place = end
    if place != len(body):
        raise BadModelFile("the file is longer than its arrays")
    return arrays


def sha256(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of a whole file, by which platform and box name a model."""
    return hashlib.sha256(content).hexdigest()

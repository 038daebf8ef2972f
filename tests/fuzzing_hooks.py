"""Loaded by schemathesis itself: how a piece of a picture, which is neither JSON nor a form, goes into a request."""

import schemathesis
from schemathesis.transport.serialization import serialize_binary


@schemathesis.serializer("application/offset+octet-stream")
def piece(context: object, value: object) -> dict[str, object]:
    return {"data": serialize_binary(value)}

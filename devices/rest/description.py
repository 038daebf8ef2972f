"""Adds to the API's description (OpenAPI) what every operation has: its possible problems, and its file formats."""

from typing import Any

from devices.rest.formats import CSVRenderer, ParquetRenderer, XLSXRenderer

PROBLEM = {
    "type": "object",
    "description": "Problem details, RFC 9457.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, in a sentence."},
        "errors": {"description": "What is wrong with each field, by its name."},
    },
    "required": ["type", "title", "status", "detail"],
}

PROBLEMS = {
    "400": "A field is wrong; `errors` says which and why.",
    "401": "The request has no valid token or session.",
    "403": "You may not do this.",
    "404": "There is no such object, or it belongs to a site of which you are not a member.",
    "406": "The response has no such format.",
    "409": "The object is not in a state that allows this.",
    "411": "The header `Content-Length` is missing.",
    "413": "The body is too large.",
    "415": "The body has a media type that this operation does not read.",
    "429": "Too many requests; `Retry-After` says how many seconds to wait.",
}
EVERYWHERE = ("400", "401", "403", "404", "406", "429")
"""The problems of every operation. A view declares any further one with `responses={409: None}`."""
WITH_A_BODY = ("411", "413", "415")
"""Further problems of every operation that reads a body."""

FILES = {
    CSVRenderer.media_type: {"type": "string"},
    ParquetRenderer.media_type: {"type": "string", "format": "binary"},
    XLSXRenderer.media_type: {"type": "string", "format": "binary"},
}


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular that adds the problems and the file formats to each operation."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for method, operation in operations.items():
            _describe(method, operation)
    return result


def _describe(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for code, description in PROBLEMS.items():
        if code in responses or code in EVERYWHERE or (code in WITH_A_BODY and "requestBody" in operation):
            responses[code] = _problem(description)
    # The web server itself sends this one, with a body of its own.
    responses["414"] = {"description": "The address is too long."}
    for response in responses.values():
        for media_type, content in response.get("content", {}).items():
            content["schema"] = FILES.get(media_type, content["schema"])
    if method == "get":
        responses["304"] = {"description": "Unchanged since the response that `If-None-Match` names."}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}

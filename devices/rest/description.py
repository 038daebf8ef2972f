"""What the API's description (OpenAPI) says of every operation alike: its problems, and its files."""

from typing import Any

from devices.rest.formats import CSVRenderer, ParquetRenderer

PROBLEM = {
    "type": "object",
    "description": "Problem details, RFC 9457.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, in a sentence."},
        "errors": {"description": "By field, where fields were wrong: what was wrong with each."},
    },
    "required": ["type", "title", "status", "detail"],
}

PROBLEMS = {
    "400": "A field is wrong; `errors` names it.",
    "401": "The request does not show whose it is.",
    "403": "You may not do this.",
    "404": "There is no such thing, or it is another site's.",
    "406": "There is no such format.",
    "409": "It is not in a state in which this can be done.",
    "413": "It is too large.",
    "415": "The body is of a kind that is not read here.",
    "429": "Too many requests; `Retry-After` says when to come again.",
}
EVERYWHERE = ("400", "401", "403", "404", "406", "429")
WITH_A_BODY = ("413", "415")
"""Problems of all operations that take a body. The others are for a view to name: `responses={409: None}` is enough."""

FILES = {
    CSVRenderer.media_type: {"type": "string"},
    ParquetRenderer.media_type: {"type": "string", "format": "binary"},
}


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: adds what no view has to say for itself."""
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
    # The web server's own, before any of this is reached, and in its own words.
    responses["414"] = {"description": "The address is too long."}
    for response in responses.values():
        for media_type, content in response.get("content", {}).items():
            content["schema"] = FILES.get(media_type, content["schema"])
    if method == "get":
        responses["304"] = {"description": "Unchanged since the answer that `If-None-Match` names."}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}

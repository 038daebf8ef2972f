"""Says in plain words why msgspec refused a value, and why a request failed."""

import re

import msgspec

_TYPES = {
    "str": "a text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object with named values",
    "null": "null",
    "bytes": "bytes in base64",
    "datetime": "a time in ISO 8601",
}
_LIMITS = {"<=": "of at most", ">=": "of at least", "<": "below", ">": "above"}
_UNITS = {"str": "characters", "bytes": "bytes", "array": "items"}

_EXPECTED = re.compile(
    r"Expected `(?P<types>[^`]+)`(?P<length> of length)?(?: (?P<limit><=|>=|<|>))?(?: (?P<bound>[-+.\d][-+.\w]*))?"
    r"(?:, got (?P<got>.+))?$"
)
_LACKS = re.compile(r"Object missing required field `(.+)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`$")
_CHOICE = re.compile(r"Invalid enum value (.+)$", re.DOTALL)


def plain(error: msgspec.ValidationError, *, with_given: bool = True) -> str:
    """Return what is wrong as the rest of a sentence about the value, such as “must be a number of at most 60”.

    With `with_given`, the sentence also names the type of the given value where that type is wrong.
    """
    text, _ = _parts(error)
    if found := _EXPECTED.match(text if with_given else text.partition(", got ")[0]):
        return _must_be(found)
    if found := _LACKS.match(text):
        return f"lacks “{found[1]}”"
    if found := _UNKNOWN.match(text):
        return f"has “{found[1]}”, which is not known here"
    if found := _CHOICE.match(text):
        return f"must not be {found[1]}, which is none of the choices"
    return f"is wrong: {text[:1].lower()}{text[1:]}"


def sentence(error: msgspec.ValidationError) -> str:
    """Return what is wrong as a sentence that names the value, such as “cadence must be a number of at most 60.”"""
    _, where = _parts(error)
    return f"{f'“{where}”' if where else 'It'} {plain(error)}."


def why_unreached(error: Exception) -> str:
    """Return why a request failed in the system's words, such as “Connection refused”, without the error's number."""
    reason = getattr(error, "reason", error)
    return f"{getattr(reason, 'strerror', None) or reason}"


def _parts(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return the error without the place, and the place as a path, such as `frames[2].width`; "" for the whole."""
    text, _, place = str(error).partition(" - at `")
    path = place.removeprefix("key in ").removesuffix("`").removeprefix("$").removeprefix(".")
    return text, path.replace("[...]", "[]")


def _must_be(found: re.Match[str]) -> str:
    types = [name for name in found["types"].split(" | ") if name != "null"] or ["null"]
    what = " or ".join(_TYPES.get(name, f"“{name}”") for name in types)
    if found["bound"] is None:
        got = (found["got"] or "").strip("`")
        return f"must be {what}{f', not {_TYPES.get(got, got)}' if got else ''}"
    limit = _LIMITS[found["limit"]] if found["limit"] else "of"
    unit = f" {_UNITS.get(types[0], 'items')}" if found["length"] else ""
    return f"must be {what} {limit} {found['bound'].removesuffix('.0')}{unit}"

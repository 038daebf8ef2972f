"""Tells the lines of a device's log from data that somebody wrapped into text, and unwraps such data. Pure.

A line of log is what looks like a sentence. What looks like data is never one: it is read, or quarantined. Payloads
have up to 128 KiB, so every pattern here takes linear time.
"""

import ast
import base64
import binascii
import json
import re

FAULT = re.compile(r"\b(error|fail(ed|ure)?|exception|traceback)\b", re.IGNORECASE)
"""The words of a line that reports a fault."""

LONGEST_WORD = 80
"""Characters. A path, an address or a thing's name in a log is shorter than base64, hex digits or a token."""

_QUOTES = {"'": "'", '"': '"', "`": "`", "“": "”", "‘": "’"}
_BYTES = re.compile(r"""[bBuU](?P<quote>['"]).*(?P=quote)""", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_BINARY = (b"\xff\xd8\xff", b"\x89PNG", b"\x1f\x8b", b"PK\x03\x04", b"GIF8", b"RIFF")
"""How JPEG, PNG, gzip, ZIP, GIF and WebP begin."""

_TAG = re.compile(r"\[(?=[^\]]{0,64}(?:[^\W\d]|\d[-:/]\d))[^\[\]{}\"']{1,64}\]:?\s*[^\s,\]}]")
"""The level, source or time in brackets at the beginning of a line of log, such as “[INFO] Opened Pipe”."""

_WORD = re.compile(r"[^\W\d_]{2}")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?"
_NAME = r"""["']?[^\W\d][\w.-]*["']?"""
_VALUE = re.compile(rf"(?:-\s+)?(?:{_NAME}\s*[:=]\s*)?(?:{_NUMBER}|true|false|null|none|nan|[-+]?inf(?:inity)?)", re.I)
_NAMED_OR_SECTION = re.compile(rf"{_NAME}|\[[\w. -]{{1,64}}\]|-*")
_PAIR = rf"{_NAME}=[^\s=,]+"
_ASSIGNED = re.compile(rf"(?:{_NAME},)?{_PAIR}(?:,{_PAIR})*|{_NUMBER}")
_NAME_AND_PROBABILITY = re.compile(rf"{_NAME}\s+(?:0?\.\d+|[01]\.0+)")

_MARKUP = re.compile(r"<[!?]|</?[A-Za-z][\w:-]*(?:\s+[\w:-]+\s*=[^<>]*)?\s*/?>")
_BRACKETS = re.compile(r"""[\\'"`´“‘(\s]*[\[{]|\((?:['"]|\s*[-+.\d])|[\w.$]+\s*\(\s*[\[{]|[\w.$"']+\s*=\s*[\[{"']""")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|&quot;|&#\d+;|\\u00|\\x[0-9A-Fa-f]{2}|data:[\w/+.-]+[;,]")

_PYTHON = re.compile(
    r"""[uUbB]?(?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|\b(?P<word>True|False|None)\b|(?P<long>\d)L\b"""
    r"""|(?P<unclosed>['"])"""
)
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}


def is_structure(text: str) -> bool:
    """Whether the text begins as an object or an array, of JSON or of Python."""
    return text[:1] == "{" or (text[:1] == "[" and not _TAG.match(text))


def unwrapped(text: str) -> str:
    """Return the text without one wrapping: quotes of JSON or of a shell, Python's `b'…'`, or base64 of JSON.

    A text that is not wrapped is returned as it is. Raises `ValueError` for Python's `b'…'` with a wrong content.
    """
    if _BYTES.fullmatch(text):
        return _literal(text).strip()
    if text[0] == '"':
        try:
            return str(json.loads(text)).strip()
        except ValueError:
            pass  # a shell's quotes, around quotes without a backslash
    if len(text) > 1 and text[-1] == _QUOTES.get(text[0]):
        return text[1:-1].strip()
    content = _encoded_content(text)
    return content.decode().strip() if _is_json(content) else text


def looks_like_data(text: str) -> bool:
    """Whether this text is data, and no sentence of a log. Data is, unless it begins with a tag such as “[INFO]”:

    - a text without a word of two letters
    - names with numbers, as in CSV, YAML, an INI file or a query, unless they name a fault (“Error: 5”)
    - HTML and XML; brackets at the beginning, behind quotes, or as the value or argument of a name
    - percent-encoded or escaped text; base64 or hex digits of JSON or of a picture; a word of more than 80 characters
    """
    if not _WORD.search(text) or _are_values(text):
        return not FAULT.search(text)
    if _TAG.match(text):
        return False
    if _MARKUP.match(text) or _BRACKETS.match(text) or _ESCAPED.match(text):
        return True
    content = _encoded_content(text)
    return _is_json(content) or content.startswith(_BINARY) or max(map(len, text.split())) > LONGEST_WORD


def python_as_json(text: str) -> str:
    """Return the JSON of what Python's `repr` wrote, also Python 2's, with repeated keys. Raises `ValueError`."""
    return _PYTHON.sub(_json_token, text)


def _are_values(text: str) -> bool:
    fields = [field.strip() for field in re.split(r"[,;|&\t\n]", text)]
    if all(_VALUE.fullmatch(field) or _NAMED_OR_SECTION.fullmatch(field) for field in fields):
        return any(map(_VALUE.fullmatch, fields))
    words = [word.strip(",;") for word in text.split()]
    is_assigned = any("=" in word for word in words) and all(map(_ASSIGNED.fullmatch, words))
    return is_assigned or _NAME_AND_PROBABILITY.fullmatch(text) is not None


def _json_token(token: re.Match[str]) -> str:
    if token["unclosed"]:
        raise ValueError("A text in it has no closing quote.")
    if token["text"]:
        return json.dumps(_literal(token["text"]))
    return _JSON_WORDS[token["word"]] if token["word"] else token["long"]


def _literal(token: str) -> str:
    """Return the value of Python's literal of a text or of bytes. Raises `ValueError`."""
    try:
        value = ast.literal_eval(token)
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError("It is no literal of Python.") from None
    return value.decode() if isinstance(value, bytes) else str(value)


def _encoded_content(text: str) -> bytes:
    """Return what base64 or hex digits in this text, which may be broken into lines, encode; else nothing."""
    joined = "".join(text.split())
    try:
        if _HEX.fullmatch(joined):
            return bytes.fromhex(joined)
        if not _BASE64.fullmatch(joined):
            return b""
        digits = joined.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except (binascii.Error, ValueError):
        return b""


def _is_json(content: bytes) -> bool:
    """Whether the bytes begin and end as a JSON object or array."""
    stripped = content.strip()
    return stripped[:1] + stripped[-1:] in (b"{}", b"[]") and stripped.isascii()

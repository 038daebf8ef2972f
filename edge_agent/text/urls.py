"""Splits and shows URLs that may contain a password. No error shows a part of the URL."""

from urllib.parse import SplitResult, urlsplit

ENCODED = {"#": "%23", "/": "%2F", "?": "%3F", "[": "%5B", "]": "%5D", " ": "%20"}
"""Characters that end or break a URL's host, and how a user name or password writes them."""


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL. Raises `ValueError` with the rest of a sentence that says what to write instead."""
    if "#" in url:
        raise ValueError("contains “#”, which ends a URL; write # as %23")
    if not url.isprintable() or " " in url:
        raise ValueError("contains a space or a control character; write a space as %20")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"has no valid host and port; in a user name and a password write {_advice('/?[]')}") from None
    if parts.netloc and "@" not in parts.netloc and "@" in url:
        raise ValueError(f"has “@” after its host; in a user name and a password write {_advice('/?')}")
    return parts


def without_password(source: str) -> str:
    """Return the source's text for the log: without the user, the password and the query of a URL."""
    scheme, separator, rest = source.partition("://")
    if not separator:
        return source
    address, _, query = rest.partition("?")
    # A question mark or a “#” may be part of the password; then no part of the text is certainly safe to log.
    return f"{scheme}://{'…' if '@' in query or '#' in rest else address.rpartition('@')[2]}"


def _advice(characters: str) -> str:
    return ", ".join(f"{character} as {ENCODED[character]}" for character in characters)

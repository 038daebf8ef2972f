"""Which objects in buckets are a device's own: those of the bucket and under the prefix that are set for the device."""

import re
from urllib.parse import unquote, urlsplit

from devices.models import Thing

_PATH_STYLE = re.compile(r"s3([.-][a-z0-9-]+)?\.amazonaws\.com")
_HOST_STYLE = re.compile(r"(?P<bucket>[a-zA-Z0-9._-]+)\.s3([.-][a-z0-9-]+)?\.amazonaws\.com")


def parse_address(url: str) -> tuple[str, str] | None:
    """Return the bucket and the key that a URL names, as S3 and its clients write it; None for any other URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host, path = parts.netloc, unquote(parts.path[1:])
    if parts.scheme == "s3":
        return host, path
    if parts.scheme != "https":
        return None
    if _PATH_STYLE.fullmatch(host):
        bucket, _, key = path.partition("/")
        return bucket, key
    named = _HOST_STYLE.fullmatch(host)
    return (named["bucket"], path) if named else None


def is_own_object(thing: Thing, bucket: str, key: str) -> bool:
    """Whether this object is in the bucket and under the prefix that are set for the device."""
    return bool(thing.bucket) and bucket == thing.bucket and key.startswith(thing.bucket_prefix)


def is_own_address(thing: Thing, url: str) -> bool:
    """Whether the URL names an object of the device's own."""
    address = parse_address(url)
    return address is not None and is_own_object(thing, *address)


def why_not_linked(url: str) -> tuple[str, str]:
    """Return where the URL leads, and a sentence for the log of a device to which its object does not belong."""
    address = parse_address(url)
    where = f"the bucket “{address[0]:.80}”" if address else "an address that is no object of S3"
    return where, (
        f"Pictures are not linked, because the device names {where}, and not the bucket and prefix that are set for "
        "it. A superuser can set them in the admin."
    )

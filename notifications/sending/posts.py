"""Posts to services whose host users choose, sent by our own sender: Mastodon and the workflows of Teams."""

import json
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from urllib3.exceptions import HTTPError
from urllib3.filepost import encode_multipart_formdata
from urllib3.util import parse_url

from notifications.rules.words import shorten
from notifications.sending import addresses
from notifications.sending.addresses import Failed

MOST_MASTODON = 500
"""Characters of a post, as Mastodon ships."""

MOST_TEAMS = 20_000
"""Characters of a card: Teams takes 28 KB with everything around it."""


def check_mastodon(text: str) -> str:
    """Return the host, which may be shown. Raises `ValidationError`."""
    server, _ = _of_mastodon(text)
    return addresses.check_url(server)


def toot(address: str, message_id: str, text: str, picture: bytes | None = None) -> None:
    """Post the text, cut to what Mastodon takes, with a JPEG. Raises `Failed` and `Refused`."""
    server, token = _of_mastodon(address)
    headers = {"Authorization": f"Bearer {token}"}
    fields = {"status": shorten(text, MOST_MASTODON)}
    if picture is not None:
        body, kind = encode_multipart_formdata({"file": ("picture.jpg", picture, "image/jpeg")})
        answer = addresses.post(f"{server}/api/v2/media", body, headers | {"Content-Type": kind})
        try:
            fields["media_ids[]"] = str(json.loads(answer.text)["id"])
        except (ValueError, KeyError, TypeError):
            raise Failed(f"{server} took the picture, and answered with something else than its id.") from None
    # Mastodon makes one post of all requests with the same key.
    form = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": message_id}
    addresses.post(f"{server}/api/v1/statuses", urlencode(fields).encode(), headers | form)


def _of_mastodon(text: str) -> tuple[str, str]:
    """Return the address of the server and the token. Raises `ValidationError`."""
    try:
        url = parse_url(text)
    except HTTPError:
        url = parse_url("")
    if url.scheme not in ("mastodon", "mastodons") or not url.host or not url.auth:
        raise ValidationError({"address": "Give the token and the server such as mastodons://token@mastodon.example."})
    port = f":{url.port}" if url.port else ""
    return f"{'https' if url.scheme == 'mastodons' else 'http'}://{url.host}{port}", url.auth


def post_card(address: str, subject: str, text: str, picture_url: str = "") -> None:
    """Post an adaptive card to a workflow of Teams. Raises `Failed` and `Refused`."""
    lines: list[dict[str, object]] = [
        {"type": "TextBlock", "text": shorten(subject, 200), "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": shorten(text, MOST_TEAMS).replace("\n", "\n\n"), "wrap": True},
    ]
    if picture_url:
        lines.append({"type": "Image", "url": picture_url, "altText": subject})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": lines,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    body = json.dumps({"type": "message", "attachments": [attachment]}).encode()
    addresses.post(address, body, {"Content-Type": "application/json"})

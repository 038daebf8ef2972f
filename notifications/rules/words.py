"""The texts of notices: what may be written in them, and what they become."""

import datetime as dt
import random
import string
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from devices.models import Device, Site
from notifications.models import Happening, Kind

FIELDS = {
    "device": "the name of the camera",
    "site": "the name of the site",
    "time": "when it happened, in the site's time",
    "hashtag": "the camera's name as a hashtag, such as #Seattle01",
    "label": "what was seen, or what is wrong with the picture",
    "count": "how many: coffees, messages, people, answers, percent or days",
    "details": "more in words, such as the result of a question",
    "person": "the person's name, where they have agreed to be recognised",
}
"""What may stand in braces in a text, and what it becomes."""

DEFAULT_TEXTS = {
    Kind.LABEL: ["{label} at {device}, {time}."],
    Kind.COFFEE: ["{person} has had a coffee at {device}: number {count}."],
    Kind.CAMERA_OFF: ["{device} at {site} is off since {time}."],
    Kind.CAMERA_BACK: ["{device} at {site} is back since {time}."],
    Kind.PICTURE: ["The picture of {device} at {site} is {label}."],
    Kind.QUARANTINE: ["{count} messages of {device} at {site} were quarantined within an hour."],
    Kind.MILESTONE: ["{count} people have come to {site} today."],
    Kind.MILESTONE_WEEK: ["{count} people have come to {site} this week."],
    Kind.MILESTONE_MONTH: ["{count} people have come to {site} this month."],
    Kind.MILESTONE_ALL: ["{count} people have come to {site} in all."],
    Kind.COFFEES: ["{count} coffees have been counted at {site}."],
    Kind.ANSWERED: ["{details}"],
    Kind.ENDED: ["{details}"],
    Kind.COVERAGE: ["{device} at {site} was on for {count} % of the open time of yesterday."],
    Kind.USUAL: ["{site} is {label} today. {details}"],
    Kind.CONSENT: ["The consent of {person} at {site} ends in {count} days."],
    Kind.BUDGET: [
        "The month's budget of recognition is spent: {count} calls. Further pictures wait for the next month."
    ],
    Kind.PICTURES: ["{device} at {site} has sent more pictures than it may. Its further pictures wait."],
}

MANY = {
    Kind.CAMERA_OFF: "{count} cameras of {site} are off: {names}.",
    Kind.CAMERA_BACK: "{count} cameras of {site} are back: {names}.",
    Kind.PICTURE: "The pictures of {count} cameras of {site} are dark, covered, blurred or turned: {names}.",
    Kind.PICTURES: "{count} cameras of {site} have sent more pictures than they may: {names}.",
}
"""What is said of many cameras at once."""

LONGEST, MOST = 1000, 50
"""Characters of a text, and texts of a rule."""


def check_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts without blanks around them and without empty ones. Raises `ValidationError` with a sentence."""
    cleaned = [text.strip() for text in texts if text.strip()]
    if not cleaned:
        raise ValidationError("Write at least one text.")
    if len(cleaned) > MOST or any(len(text) > LONGEST for text in cleaned):
        raise ValidationError(f"Write at most {MOST} texts of at most {LONGEST} characters.")
    for text in cleaned:
        try:
            parts = string.Formatter().parse(text)
            fields = [(name, form, conversion) for _, name, form, conversion in parts if name is not None]
        except ValueError:
            raise ValidationError(f"A brace is open or alone in “{text}”; write two for one that is meant.") from None
        unknown = [name for name, _, _ in fields if name not in FIELDS]
        if unknown or any(form or conversion for _, form, conversion in fields):
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ValidationError(f"“{text}” has the unknown field “{', '.join(unknown) or text}”. Known are {known}.")
    return cleaned


def draw(texts: Sequence[str], last: int | None, chance: random.Random) -> int:
    """Return the index of one of the texts: any but the last one drawn, unless there is only one."""
    indices = [index for index in range(len(texts)) if index != last or len(texts) == 1]
    return chance.choice(indices)


def fill(text: str, happening: Happening, *, site: Site, device: Device | None, person: str) -> str:
    """Return the text about this happening. Times are the site's."""
    name = device.name if device else "a device"
    values = {
        "device": name,
        "site": site.name,
        "time": local_time(happening.at, site),
        "hashtag": f"#{slugify(name).replace('-', '') if not name.isalnum() else name}",
        "label": happening.label.replace("-", " "),
        "count": f"{happening.count:,}",
        "person": person or "Somebody",
        "details": happening.details,
    }
    return string.Formatter().vformat(text, (), values)


def many(kind: Kind, site: Site, names: Sequence[str], *, listed: int) -> str:
    """Return one sentence about cameras with these names; it names so many of them, and counts the others."""
    more = len(names) - listed
    shown = ", ".join(names[:listed]) + (f" and {more} more" if more > 0 else "")
    return MANY[kind].format(count=len(names), site=site.name, names=shown)


def local_time(at: dt.datetime, site: Site) -> str:
    local = at.astimezone(site.zone)
    return f"{local:%H:%M} on {local.day} {local:%B}"


def with_end(text: str, end: str, most: int) -> str:
    """Return the text with the end below it; where both have more than `most` characters, the text is cut."""
    return f"{shorten(text, most - len(end) - 1)}\n{end}" if end else shorten(text, most)


def shorten(text: str, most: int) -> str:
    """Return the text, cut at a word with an ellipsis where it has more than `most` characters."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut else cut}…"

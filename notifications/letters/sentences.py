"""The sentences of letters, the same in HTML, in the plain text and in the PDF. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics.numbers.intervals import Interval
from analytics.verdicts.findings import Word, tell
from analytics.verdicts.hour_series import MEASURE_NAMES, Measure
from analytics.verdicts.matched import Comparison

Content = dict[str, Any]

MOST_CAMERAS = 8
"""Cameras that were off are named up to this number: a letter has one page."""


@dataclass(frozen=True, slots=True)
class Part:
    """A titled part of a letter."""

    title: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site in the letter about all sites."""

    name: str
    came: str
    usual: str
    finding: str
    """How many came beside the time before, judged together with all other sites."""
    hours: str
    """How many hours were compared."""
    change: int
    off: str
    link: str


def came(content: Content) -> str:
    """Return how many people came, such as "412 visits", or that nobody can tell."""
    number = content["visits"] if content["people"] == Measure.VISITS.value else content["spells"]
    if number is None:
        return "cannot tell how many people came"
    name = MEASURE_NAMES[Measure(content["people"])]
    return f"{number:,} {name if number != 1 else name.removesuffix('s')}"


def usual(content: Content) -> str:
    """Return how that compares with earlier weeks."""
    found = content["usual"]
    if found is not None:
        low, high = f"{found['low']:,.0f}", f"{found['high']:,.0f}"
        word = found["word"][0].upper() + found["word"][1:]
        told = f"{word}: {low} to {high} is usual in the same hours, from {found['weeks']} earlier {_spans(content)}."
        # A letter that an earlier version has made has no note.
        return f"{told}{found.get('note', '')}"
    if not content["is_seen"]:
        return "No camera was on."
    # A letter that an earlier version has made does not tell why.
    why = content.get("untold") or f"it takes six earlier {_spans(content)} that saw the same hours."
    return f"Cannot tell yet whether that is usual: {why[0].lower()}{why[1:]}"


def _spans(content: Content) -> str:
    """Return what the letter's time is beside: a month is beside spans of four weeks, with as many of each weekday."""
    is_month = content["beside"].endswith("month before")
    return "spans of four weeks" if is_month else "weeks"


def beside(content: Content) -> str:
    """Return how many came beside the week or month before, in the words of the comparison."""
    found = content["comparisons"].get(content["people"])
    if found is None:
        return ""
    text, hours = found["text"].rsplit(" (", 1)
    word, _, interval = text.partition(": ")
    sentence = f"{word} {Word(word).linking} {content['beside']}{': ' if interval else ''}{interval} ({hours}."
    return sentence[0].upper() + sentence[1:]


def parts(content: Content) -> list[Part]:
    """Return the parts after the numbers and plots. A part without anything to say is left out."""
    found = [
        Part("Best and weakest hour", _hours(content)),
        Part(
            "Question" if len(content["questions"]) == 1 else "Questions", [_question(q) for q in content["questions"]]
        ),
        Part("Coffees", _coffees(content)),
        *(Part(title, [line]) for title, line in content.get("lines", [])),
        Part("Cameras", _cameras(content)),
        Part("Changes that stay", content["changes"]),
    ]
    return [part for part in found if part.lines]


def _hours(content: Content) -> list[str]:
    hour = content["hour"]
    if hour is None:
        return ["Cannot tell: no camera saw anybody."]
    best = f"Best: {hour['best']}, with {hour['best_average']:.2f} people on average."
    if hour["empty"]:
        return [best, f"Nobody was there in {hour['empty']:,} of {hour['seen']:,} hours."]
    return [best, f"Weakest: {hour['weakest']}, with {hour['weakest_average']:.2f}."]


def _question(question: Content) -> str:
    state = "" if question["is_over"] else " so far"
    if question["share"] is None:
        return f"“{question['text']}” has no answer{state}."
    low, high = f"{question['low']:.0%}", f"{question['high']:.0%}"
    answered = (
        f"{question['total']:,} {question['unit']} answered"
        if question["unit"] in ("person", "people")
        else (f"{question['total']:,} {question['unit']}")
    )
    return f"“{question['text']}” {question['share']:.0%} said yes{state} ({low} to {high}; {answered})."


def _coffees(content: Content) -> list[str]:
    found = content["coffees"]
    if not found["count"] and not found["before"]:
        return []
    number = "No coffee" if not found["count"] else "1 coffee" if found["count"] == 1 else f"{found['count']:,} coffees"
    people = f" of {found['people']:,} known people" if found["people"] > 1 else ""
    return [f"{number}{people}; {found['before']:,} in {content['beside']}."]


def _cameras(content: Content) -> list[str]:
    cameras = content["cameras"]
    if not cameras:
        return ["All cameras were on throughout."]
    lines = []
    for camera in cameras[:MOST_CAMERAS]:
        longest = f", longest from {camera['from']} to {camera['until']}" if camera["from"] else ""
        total = hours(camera["minutes"])
        lines.append(f"{camera['name']} was off for {hours(camera['off_minutes'])} of {total}{longest}.")
    more = len(cameras) - MOST_CAMERAS
    return [*lines, f"{more} more were off, too."] if more > 0 else lines


def hours(minutes: int) -> str:
    """Return a duration such as "45 min" or "14 h"."""
    return f"{minutes} min" if minutes < 60 else f"{minutes / 60:,.0f} h"


def without_hours(text: str) -> str:
    """Return the text of a finding without its number of hours, for a narrow column."""
    return text.rsplit(" (", 1)[0]


def measure_rows(content: Content) -> list[tuple[str, str, str, str, bool]]:
    """Return for each measure its name and value, the finding, the hours compared, and whether it changed."""
    return [
        (
            each["name"],
            " ".join(filter(None, (each["value"], each["unit"]))),
            without_hours(each["finding"]) if each["finding"] else "not compared",
            each["finding"].rsplit(" (", 1)[1].rstrip(")") if each["finding"] else "",
            bool(each["change"]),
        )
        for each in content["measures"]
    ]


def subject(content: Content) -> str:
    """Return the subject of the mail."""
    return f"{content['site']}, {content['period']}: {came(content)}"


def site_rows(letters: Sequence[tuple[Content, str]]) -> list[SiteRow]:
    """Return a row for each site, given each letter's content and link. All comparisons are judged together."""
    found = tell({number: _comparison(content) for number, (content, _) in enumerate(letters)})
    rows = []
    for number, (content, link) in enumerate(letters):
        finding, word = found[number], content["usual"]
        off = sum(camera["off_minutes"] for camera in content["cameras"])
        rows.append(
            SiteRow(
                name=content["site"],
                came=came(content),
                usual=word["word"] if word else "cannot tell yet",
                finding=without_hours(finding.text()),
                hours=finding.hours,
                change=finding.change,
                off=hours(off) if off else "–",
                link=link,
            )
        )
    return rows


def overall(rows: Sequence[SiteRow], beside_name: str) -> list[str]:
    """Return what changed beyond chance at any site, in sentences."""
    changed = [f"{row.name}: {row.finding} ({row.hours})." for row in rows if row.change]
    if not changed:
        return [f"No site can be told to differ from {beside_name}, all sites judged together."]
    return [f"Beyond chance, beside {beside_name}, all sites judged together:", *changed]


def _comparison(content: Content) -> Comparison:
    found = content["comparisons"].get(content["people"])
    if found is None:
        return Comparison(0, None, None, 1.0)
    interval = None if found["low"] is None else Interval(found["low"], found["high"])
    return Comparison(found["hours"], found["ratio"], interval, found["p_value"])

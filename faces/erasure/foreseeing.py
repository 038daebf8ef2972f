"""What an erasure will remove, and what stays without a name, before anybody decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from devices.kept.search import count_named
from faces.erasure.copies import captures_not_recognised, quarantined_pictures
from faces.erasure.erasing import pictures_of, spellings_of
from faces.models import Coffee, Consent, Face, Person, Sighting


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The numbers of what an erasure removes and of what stays, as of now."""

    counts: Mapping[str, int]
    """By the keys of `Erasure.counts`."""

    @property
    def goes(self) -> list[str]:
        return list(gone(self.counts))

    @property
    def stays(self) -> list[str]:
        return list(nameless(self.counts))


def foresee_erasure(person: Person) -> Foreseen:
    """Count what the erasure of this person removes. Reads every registered text of the site, and writes nothing."""
    texts, rows = 0, 0
    for names in spellings_of(person):
        found = count_named(names, site=person.site)
        texts, rows = texts + found[0], rows + found[1]
    return Foreseen(
        {
            "pictures": pictures_of(person).count(),
            "faces": Face.objects.filter(consent__person=person).count(),
            "consents": Consent.objects.filter(person=person).count(),
            "unrecognised": captures_not_recognised(person.site).count() + quarantined_pictures(person.site).count(),
            "rows": rows,
            "texts": texts,
            "sightings": Sighting.objects.filter(person=person).count(),
            "coffees": Coffee.objects.filter(person=person).count(),
        }
    )


GONE = {
    "pictures": ("picture, with every copy of it", "pictures, with every copy of them"),
    "faces": ("measurement of the face", "measurements of the face"),
    "consents": ("consent", "consents"),
    "unrecognised": ("picture in which nobody was recognised", "pictures in which nobody was recognised"),
    "rows": ("other record that bears the name", "other records that bear the name"),
    "texts": ("mention of the name in a text", "mentions of the name in texts"),
}
"""What an erasure removes, in words, one and several."""

NAMELESS = {
    "sightings": ("sighting", "sightings"),
    "coffees": ("coffee", "coffees"),
}
"""What stays counted, and says no more whose it is."""


def gone(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of what an erasure removes, such as “62 pictures, with every copy of them”."""
    yield "the name"
    yield from _lines(GONE, counts)


def nameless(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of what stays without a name."""
    yield from _lines(NAMELESS, counts)


def _lines(words: Mapping[str, tuple[str, str]], counts: Mapping[str, int]) -> Iterator[str]:
    for key, (one, several) in words.items():
        if number := counts.get(key, 0):
            yield f"{number:,} {one if number == 1 else several}"

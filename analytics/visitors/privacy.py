"""How reactions are told of groups and never of a person. Pure.

A group of fewer than `SMALLEST_GROUP` people is not told at all, the rule of k-anonymity (Sweeney 2002,
doi:10.1142/S0218488502001648) against what the Article 29 Working Party's Opinion 05/2014 calls singling out; five is
the customary minimum of official statistics. Four further rules keep the difference of two groups from telling of one
person:

- a day is the shortest period, and there is no total over several days;
- a day is told when it is over: while it grows, two looks would differ by whoever came in between;
- where one device of a site has too few people on a day, no device of the site is told of that day, only the site,
  whose figure less the others' would else be that device's;
- everybody weighs the same, however often they were seen, so that no group is in truth one frequent visitor.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping

SMALLEST_GROUP = 5
"""People; fewer are not told."""

EMOTIONS = ("happy", "calm", "surprised", "confused", "sad", "angry", "fear", "disgusted", "unknown")
"""As Amazon Rekognition names them, in lower case."""

Emotions = Mapping[str, float]
Shares = dict[str, float]

Seen = tuple[Hashable, Hashable, Emotions]
"""At which device, who, and the confidence of each emotion, 0 to 1."""


def shares_of_a_day(
    seen: Iterable[Seen], *, devices: Collection[Hashable], of_the_site: Collection[Hashable]
) -> Shares | None:
    """The share of each of `EMOTIONS` among the people seen at `devices` on one day; together 1.

    `seen` is the day's at every device of the site, all of which are `of_the_site`. None where the group may not be
    told, also where it is empty.
    """
    people: dict[Hashable, dict[Hashable, list[Shares]]] = defaultdict(lambda: defaultdict(list))
    for device, person, emotions in seen:
        if shares := _shares(emotions):
            people[device][person].append(shares)
    if set(devices) != set(of_the_site) and any(len(group) < SMALLEST_GROUP for group in people.values()):
        return None
    together: dict[Hashable, list[Shares]] = defaultdict(list)
    for device in devices:
        for person, reactions in people[device].items():
            together[person] += reactions
    if len(together) < SMALLEST_GROUP:
        return None
    return _mean([_mean(reactions) for reactions in together.values()])


def _shares(emotions: Emotions) -> Shares:
    """The known emotions, so that they add up to 1; none where nothing is known."""
    total = sum(emotions.get(name, 0.0) for name in EMOTIONS)
    return {name: emotions.get(name, 0.0) / total for name in EMOTIONS} if total > 0 else {}


def _mean(many: Collection[Shares]) -> Shares:
    return {name: sum(shares[name] for shares in many) / len(many) for name in EMOTIONS}

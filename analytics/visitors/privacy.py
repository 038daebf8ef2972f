"""Publish reactions of groups of people, never of a person. Pure.

The shares of a group of fewer than `SMALLEST_GROUP` people are not published: the rule of k-anonymity (Sweeney 2002,
doi:10.1142/S0218488502001648) against singling out (Article 29 Working Party, Opinion 05/2014). Five is the usual
minimum of official statistics. Four more rules prevent that the difference of two groups reveals a person:

- A day is the shortest period, and there is no total over several days.
- A day is published when it is over. Two requests during a day would differ by the people who came in between.
- Where one device of a site has too few people on a day, no device of the site is published for that day, only the
  site. Otherwise the site's shares minus those of the other devices would be the shares of that device.
- Every person has the same weight, however often they were seen, so that a frequent visitor does not dominate a group.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping

SMALLEST_GROUP = 5
"""The smallest number of people whose shares are published."""

EMOTIONS = ("happy", "calm", "surprised", "confused", "sad", "angry", "fear", "disgusted", "unknown")
"""The names of emotions of Amazon Rekognition, in lower case."""

Emotions = Mapping[str, float]
"""The recogniser's confidence in each emotion, 0 to 1."""

EmotionShares = dict[str, float]
"""The share of each emotion, 0 to 1. The shares add up to 1."""

Reaction = tuple[Hashable, Hashable, Emotions]
"""A device, a person, and the emotions of the person's face."""


def emotion_shares(
    reactions: Iterable[Reaction], *, devices: Collection[Hashable], of_the_site: Collection[Hashable]
) -> EmotionShares | None:
    """Return the share of each of `EMOTIONS` among the people at `devices` on one day.

    `reactions` are those of the day at all devices of the site, which are `of_the_site`. None where the group is too
    small to be published, or empty.
    """
    people: dict[Hashable, dict[Hashable, list[EmotionShares]]] = defaultdict(lambda: defaultdict(list))
    for device, person, emotions in reactions:
        if shares := _normalise(emotions):
            people[device][person].append(shares)
    if set(devices) != set(of_the_site) and any(len(group) < SMALLEST_GROUP for group in people.values()):
        return None
    together: dict[Hashable, list[EmotionShares]] = defaultdict(list)
    for device in devices:
        for person, shares_of_person in people[device].items():
            together[person] += shares_of_person
    if len(together) < SMALLEST_GROUP:
        return None
    return _mean([_mean(shares_of_person) for shares_of_person in together.values()])


def _normalise(emotions: Emotions) -> EmotionShares:
    """Return the confidences scaled to add up to 1; empty where all are 0."""
    total = sum(emotions.get(name, 0.0) for name in EMOTIONS)
    return {name: emotions.get(name, 0.0) / total for name in EMOTIONS} if total > 0 else {}


def _mean(many: Collection[EmotionShares]) -> EmotionShares:
    return {name: sum(shares[name] for shares in many) / len(many) for name in EMOTIONS}

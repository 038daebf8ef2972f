"""`python -m demo.cameras.agent`: an edge agent whose source may also be a simulated scene, `scene:NAME?seed=N`."""

import sys
from urllib.parse import parse_qs

from demo.cameras.scene import Scene
from edge_agent.__main__ import main
from edge_agent.cameras import sources
from edge_agent.cameras.sources import Clock, Picture, Recorded, SourceError


class SceneSource(Recorded):
    """A room in which people come and go: `scene:NAME?seed=N`. Raises `SourceError`."""

    def __init__(self, text: str, clock: Clock) -> None:
        name, _, query = text.removeprefix("scene:").partition("?")
        try:
            self._scene = Scene(name, _seed(query))
        except (ValueError, RuntimeError) as error:
            raise SourceError(f'source "{text}": {error}.') from error
        self._clock = clock

    def read(self) -> Picture | None:
        return self._scene.picture_at(self._clock())

    def peek(self) -> Picture | None:
        return self.read()


def _seed(query: str) -> int:
    settings = parse_qs(query, keep_blank_values=True)
    unknown = ", ".join(sorted(settings.keys() - {"seed"}))
    if unknown:
        raise ValueError(f"a scene knows only seed, not {unknown}")
    seed = settings.get("seed", ["0"])[-1]
    if not seed.isdecimal():
        raise ValueError(f'the seed must be a whole number, not "{seed}"')
    return int(seed)


sources.SCHEMES["scene"] = SceneSource

if __name__ == "__main__":
    sys.exit(main())

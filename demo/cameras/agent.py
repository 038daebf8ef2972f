"""`python -m demo.cameras.agent` runs an edge agent whose source may also be a simulated scene, `scene:NAME?seed=N`."""

import sys
import time
from urllib.parse import parse_qs

from demo.camera_profiles import PROFILES, CameraProfile
from demo.cameras.scene import Scene
from edge_agent.__main__ import main
from edge_agent.cameras import sources
from edge_agent.cameras.sources import Clock, Picture, RecordedSource, Source, SourceError

SCHEME = "scene:"


class SceneSource(RecordedSource):
    """The simulated scene that `scene:NAME?seed=N&visitors=CAMERA` names.

    With `visitors`, as many come as in that camera's history. Raises `SourceError` for an unknown scene or setting.
    """

    def __init__(self, text: str, clock: Clock) -> None:
        name, _, query = text.removeprefix(SCHEME).partition("?")
        try:
            self._scene = Scene(name, *_settings(query))
        except (ValueError, RuntimeError) as error:
            raise SourceError(f'source "{text}": {error}.') from error
        self._clock = clock

    def read(self) -> Picture | None:
        return self._scene.picture_at(self._clock())

    def peek(self) -> Picture | None:
        return self.read()


def _settings(query: str) -> tuple[int, CameraProfile | None]:
    """Return the seed, and the profile of the camera whose visitors come."""
    settings = parse_qs(query, keep_blank_values=True)
    unknown = ", ".join(sorted(settings.keys() - {"seed", "visitors"}))
    if unknown:
        raise ValueError(f"a scene has only the settings seed and visitors, not {unknown}")
    seed, camera = settings.get("seed", ["0"])[-1], settings.get("visitors", [""])[-1]
    if not seed.isdecimal():
        raise ValueError(f'the seed must be a whole number, not "{seed}"')
    known = {profile.name: profile for profile in PROFILES}
    if camera and camera not in known:
        raise ValueError(f'there is no camera "{camera}" whose visitors could come; there are: {", ".join(known)}')
    return int(seed), known.get(camera)


def open_source(text: str, *, repeat: bool = True, clock: Clock = time.time) -> Source:
    """Open the scene that this text names, or else any source that an edge agent opens. Raises `SourceError`.

    A scene shows what it contains at the time of `clock`, in epoch seconds.
    """
    if text.startswith(SCHEME):
        return SceneSource(text, clock)
    return sources.open_source(text, repeat=repeat)


if __name__ == "__main__":
    sys.exit(main(open_source=open_source))

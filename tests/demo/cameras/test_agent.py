"""The demo's agent looks at simulated scenes; what it cannot show it refuses in one sentence."""

import subprocess
import sys

import numpy as np
import pytest

import demo.cameras.agent  # noqa: F401 - enters the scenes among the sources
from demo.cameras.scene import Scene
from edge_agent.cameras.sources import SourceError, open_source


def test_a_scene_shows_the_moment_of_the_clock() -> None:
    source = open_source("scene:lobby?seed=7", clock=lambda: 1_000.0)
    shown = source.read()
    assert shown is not None
    assert np.array_equal(shown, Scene("lobby", 7).picture_at(1_000.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("scene:kitchen", 'there is no scene "kitchen"; there are: cafe, lobby.'),
        ("scene:lobby?sead=7", "a scene knows only seed, not sead."),
        ("scene:lobby?seed=red", 'the seed must be a whole number, not "red".'),
    ],
)
def test_a_scene_that_cannot_be_shown_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(text)
    assert sentence in str(refused.value)


def test_the_agent_of_a_camera_box_knows_no_scenes() -> None:
    program = "from edge_agent.cameras.sources import SCHEMES; print(sorted(SCHEMES))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr

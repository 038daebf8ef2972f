"""The demo's agent looks at simulated scenes; a scene that does not exist is refused in one sentence."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from demo.cameras.agent import open_source
from demo.cameras.scene import Scene
from edge_agent.cameras import sources
from edge_agent.cameras.sources import FolderSource, SourceError


def test_a_scene_shows_the_moment_of_the_clock() -> None:
    source = open_source("scene:lobby?seed=7", clock=lambda: 1_000.0)
    shown = source.read()
    assert shown is not None
    assert np.array_equal(shown, Scene("lobby", 7).picture_at(1_000.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("scene:kitchen", 'there is no scene "kitchen"; there are: cafe, lobby.'),
        ("scene:lobby?sead=7", "a scene has only the settings seed and visitors, not sead."),
        ("scene:lobby?visitors=Rome01", 'there is no camera "Rome01" whose visitors could come; there are: Seattle01,'),
        ("scene:lobby?seed=red", 'the seed must be a whole number, not "red".'),
    ],
)
def test_a_scene_that_cannot_be_shown_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(text)
    assert sentence in str(refused.value)


def test_the_demos_agent_also_opens_the_sources_of_a_camera_box(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((48, 64, 3), np.uint8))
    assert isinstance(open_source(str(tmp_path)), FolderSource)


def test_the_agent_of_a_camera_box_opens_no_scenes() -> None:
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        sources.open_source("scene:lobby")

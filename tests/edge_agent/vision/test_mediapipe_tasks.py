import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge_agent.vision.hands import HandDetector
from edge_agent.vision.mediapipe_tasks import quiet
from tests.edge_agent.vision.photographs import hand
from tests.programs.waiting import eventually


def threads_besides(known: set[threading.Thread]) -> set[threading.Thread]:
    return set(threading.enumerate()) - known


@pytest.mark.timeout(60)
def test_a_detector_in_a_reference_cycle_is_closed_when_it_is_garbage(models: Path) -> None:
    other = HandDetector(models)
    assert other.detect(hand("fist")), "MediaPipe's own threads, which stay, are running now"
    known = set(threading.enumerate())
    detector = HandDetector(models)
    detector.itself = detector  # type: ignore[attr-defined]
    assert threads_besides(known)
    del detector
    gc.collect()
    assert eventually(lambda: not threads_besides(known))
    assert other.detect(hand("fist")), "the others still work"


FRUGAL = """
import sys
from edge_agent.vision import mediapipe_tasks
mediapipe_tasks.load().tasks.vision.HandLandmarker
assert not [name for name in sys.modules if name.startswith("matplotlib")]
import matplotlib.pyplot
assert matplotlib.pyplot.figure
"""


def test_plots_are_not_loaded_and_stay_there_for_others() -> None:
    subprocess.run([sys.executable, "-c", FRUGAL], check=True)


def test_quiet_silences_native_code_and_gives_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"noise\n")
    os.write(2, b"news\n")
    assert capfd.readouterr().err == "news\n"


def test_threads_that_load_models_at_once_give_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    def load() -> None:
        with quiet():
            time.sleep(0.05)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    os.write(2, b"news\n")
    assert capfd.readouterr().err == "news\n"

"""What the detectors that run Google's native libraries have in common."""

import atexit
import contextlib
import functools
import os
import sys
import threading
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_agent.vision.files import ModelsUnavailable
from edge_agent.vision.search import Picture

_open_tasks: weakref.WeakSet[Any] = weakref.WeakSet()

# Two threads that silence stderr at once would give the null device back to it.
_one_at_a_time = threading.Lock()


PLOTS = ("matplotlib", "matplotlib.pyplot")
"""What MediaPipe imports to plot landmarks, which is not done here: 36 MiB, and three quarters of its import's time."""


@functools.cache
def load() -> Any:
    """The `mediapipe` package, imported on first use because that takes more than a second.

    Raises `ModelsUnavailable` where a system library that it needs is missing.
    """
    try:
        with _empty(PLOTS):
            import mediapipe
            import mediapipe.tasks.python.vision
    except (ImportError, OSError) as error:
        needed = "libgl1 libglib2.0-0 libegl1 libgles2"
        raise ModelsUnavailable(f"MediaPipe does not start: {error}. Install {needed} with apt.") from error
    return mediapipe


@contextlib.contextmanager
def _empty(names: tuple[str, ...]) -> Iterator[None]:
    """Whoever imports these modules meanwhile gets empty ones, unless they are loaded already."""
    missing = [name for name in names if name not in sys.modules]
    sys.modules.update({name: types.ModuleType(name) for name in missing})
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def create(owner: object, kind: str, model: Path, **options: Any) -> Any:
    """A task of that kind ("FaceDetector") with its model loaded, which is closed once its owner is garbage."""
    tasks = load().tasks
    options_type = getattr(tasks.vision, f"{kind}Options")
    base = tasks.BaseOptions(model_asset_path=str(model))
    task = getattr(tasks.vision, kind).create_from_options(options_type(base_options=base, **options))
    # Left to its own __del__, a task that is part of a reference cycle waits for ever for a worker thread that the
    # garbage collector has ended before. The finalizer keeps the task alive until it is closed.
    weakref.finalize(owner, _close, task).atexit = False
    _open_tasks.add(task)
    return task


def image(rgb: Picture) -> Any:
    """The picture as MediaPipe takes it; `rgb` must be contiguous."""
    mediapipe = load()
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)


def _close(task: Any) -> None:
    # Garbage may be collected in the very thread that would have to do the closing.
    threading.Thread(target=task.close, daemon=True).start()


@atexit.register
def _leave_to_the_system() -> None:
    # While Python ends, an open task cannot close itself any more: it would print a traceback.
    for task in _open_tasks:
        task._handle = None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that is written to stderr meanwhile is seen, by any thread.

    MediaPipe's native part writes a dozen lines there when it loads and runs a model for the first time, and
    obeys no setting; what really fails is raised as an exception.
    """
    with _one_at_a_time, open(os.devnull, "wb") as nothing:
        stderr = os.dup(2)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)

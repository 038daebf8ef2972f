"""Loads MediaPipe, creates its detection tasks, and silences what its native code writes to stderr."""

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

# If two threads silenced stderr at once, the second one would restore stderr to the null device.
_quiet_lock = threading.Lock()

PLOTTING_MODULES = ("matplotlib", "matplotlib.pyplot")
"""MediaPipe imports these modules to plot landmarks, which the agent never does. They take 36 MiB and three quarters of
the time of the import."""


@functools.cache
def load() -> Any:
    """Return the `mediapipe` package, which is imported on first use because that takes more than a second.

    Raises `ModelsUnavailable` where a system library is missing.
    """
    try:
        with _stub_modules(PLOTTING_MODULES):
            import mediapipe
            import mediapipe.tasks.python.vision
    except (ImportError, OSError) as error:
        needed = "libgl1 libglib2.0-0 libegl1 libgles2"
        raise ModelsUnavailable(f"MediaPipe does not start: {error}. Install {needed} with apt.") from error
    return mediapipe


@contextlib.contextmanager
def _stub_modules(names: tuple[str, ...]) -> Iterator[None]:
    """Replace these modules by empty ones for imports in this context, unless they are loaded already."""
    missing = [name for name in names if name not in sys.modules]
    sys.modules.update({name: types.ModuleType(name) for name in missing})
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def create(owner: object, kind: str, model: Path, **options: Any) -> Any:
    """Return a task of this kind ("FaceDetector") with its model loaded; it is closed after its owner is collected."""
    tasks = load().tasks
    options_type = getattr(tasks.vision, f"{kind}Options")
    base = tasks.BaseOptions(model_asset_path=str(model))
    task = getattr(tasks.vision, kind).create_from_options(options_type(base_options=base, **options))
    # A task's own __del__ blocks for ever where the garbage collector has ended its worker thread before, as happens in
    # a reference cycle. The finalizer keeps the task alive until it is closed.
    weakref.finalize(owner, _close, task).atexit = False
    _open_tasks.add(task)
    return task


def image(rgb: Picture) -> Any:
    """Return the picture as MediaPipe's image; `rgb` must be contiguous."""
    mediapipe = load()
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)


def _close(task: Any) -> None:
    # The garbage collector may run in the task's own worker thread, which cannot close itself.
    threading.Thread(target=task.close, daemon=True).start()


@atexit.register
def _abandon_open_tasks() -> None:
    # At interpreter exit an open task can no longer close itself and would print a traceback.
    for task in _open_tasks:
        task._handle = None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard everything that any thread writes to stderr in this context.

    MediaPipe's native code writes a dozen lines to stderr when it first loads and runs a model, and has no setting to
    stop that. Real failures are raised as exceptions.
    """
    with _quiet_lock, open(os.devnull, "wb") as nothing:
        stderr = os.dup(2)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)

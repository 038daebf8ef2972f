"""A disk that is soon full."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A folder that takes about `size` bytes: a disk of its own in memory, or where we may not mount one, files of ours
    that may not grow beyond a third of it each.
    """
    folder.mkdir(parents=True)
    if _mounted(folder, size):
        try:
            yield folder
        finally:
            # Lazily, for what is still open in it is closed later.
            subprocess.run(["umount", "--lazy", folder], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 3, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _mounted(folder: Path, size: int) -> bool:
    if os.geteuid():
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "headcount-chaos", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0

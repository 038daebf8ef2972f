"""A small disk, for tests of what happens when a disk is full."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Yield the folder, which holds about `size` bytes.

    The folder is a file system in memory if this process may mount one. Otherwise, each file that this process writes
    is limited to a third of `size`.
    """
    folder.mkdir(parents=True)
    if _mounted(folder, size):
        try:
            yield folder
        finally:
            # A lazy unmount succeeds although some files are closed only later.
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

"""Reads from the kernel how much processor time and memory processes use."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def seconds_of(pid: int) -> float:
    """Return the processor seconds of a process and of all its descendants, also of those that have ended."""
    children, used = _table()
    return sum(used.get(each, 0.0) for each in _family(pid, children))


def seconds_of_postgresql() -> float:
    """Return the processor seconds of every PostgreSQL of this machine: its processes leave whoever started them.

    A connection that has ended counts too: the ingester opens a new one each minute.
    """
    used = _table()[1]
    return sum(seconds for pid, seconds in used.items() if _name(pid) == "postgres")


def seconds_of_others() -> float:
    """Return the processor seconds of what this process has started, and of PostgreSQL, without its own."""
    children, used = _table()
    ours = set(_family(os.getpid(), children)) - {os.getpid()}
    return sum(used[pid] for pid in used if pid in ours or _name(pid) == "postgres")


def memory_of(pid: int) -> int:
    """Return the bytes of memory (PSS) of a process and of all its living descendants."""
    total = 0
    for each in _family(pid, _table()[0]):
        with suppress(OSError):
            lines = (PROC / str(each) / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def idle_seconds() -> float:
    """Return the seconds that the processors of this machine were idle or waited for disks, since its start."""
    fields = (PROC / "stat").read_text().split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def _table() -> tuple[dict[int, list[int]], dict[int, float]]:
    """Return the children and the processor seconds of each process.

    The seconds of a process contain those of its children that have ended.
    """
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    ticks = os.sysconf("SC_CLK_TCK")
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(rest[1]), []).append(pid)
            used[pid] = sum(map(int, rest[11:15])) / ticks
    return children, used


def _family(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _family(child, children)


def _name(pid: int) -> str:
    with suppress(OSError):
        return (PROC / str(pid) / "comm").read_text().strip()
    return ""

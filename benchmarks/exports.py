"""`python -m benchmarks.exports`: whether ten million rows come whole through nginx, and what that takes.

The programs run from the files in `deploy/`, as in `make test-deploy`. One client fetches the detections of a camera as
CSV and as Parquet, as fast as it can. Memory is that of the web server's processes, without what they share (PSS),
sampled every 100 ms. Prints a table and writes `benchmarks/results/exports.json`.
"""

import argparse
import ssl
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from pyarrow import parquet

from benchmarks.tools import report, results, stand
from benchmarks.tools.processor import memory_of
from tests.deploy.conftest import make_site
from tests.deploy.stack import Stack, running
from tests.programs import postgres

FORMATS = ("csv", "parquet")
MOST_GROWTH_MB = 100.0
WITHIN_S = 3_600
"""A machine of two cores sends ten million rows in a fraction of that."""

SAMPLE_EVERY_S = 0.1
MB = 2**20
FILL = """
import datetime as dt
from django.db import connection
from django.utils import timezone
from devices.storage import partitions
from devices.models import Device
noon = timezone.now() - dt.timedelta(days=1)
partitions.make([noon])
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO analytics_frame (device_id, taken_at, received_at, key, faces) SELECT %s, %s, %s, i, 0"
        " FROM generate_series(1, {rows}) AS i",
        [Device.objects.get(name="Lobby").pk, noon, noon],
    )
    cursor.execute(
        "INSERT INTO analytics_detection (frame_id, device_id, taken_at, label, confidence)"
        " SELECT id, device_id, taken_at, 'cup', 0.5 FROM analytics_frame WHERE taken_at = %s",
        [noon],
    )
    cursor.execute("ANALYZE analytics_frame, analytics_detection")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="(10,000,000)")
    parser.add_argument("--within", type=int, default=WITHIN_S, help=f"seconds for each format ({WITHIN_S:,})")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headcount-exports-") as name, postgres.server(stand.DURABLE) as database:
        folder = Path(name)
        folder.chmod(0o755)
        with running(folder, database) as stack:
            token = make_site(stack)
            fill(stack, asked.rows)
            measured = [
                each
                for kind in FORMATS
                for each in measure(stack, token, kind, asked.rows, folder, within_s=asked.within)
            ]
    print(f"{asked.rows:,} detections")
    print(report.table(measured))
    results.write(results.FOLDER / "exports.json", measured)


def fill(stack: Stack, rows: int) -> None:
    """Give the camera in the lobby this many detections of yesterday."""
    stack.manage("shell", "--no-imports", "-c", FILL.format(rows=rows), within_s=WITHIN_S)


def measure(
    stack: Stack, token: str, kind: str, rows: int, folder: Path, *, within_s: float = WITHIN_S
) -> list[results.Measured]:
    """Fetch the detections of the camera in the lobby, of which there are at least `rows`, in this format.

    Raises `TimeoutError` if that takes longer than `within_s` seconds.
    """
    file = folder / f"detections.{kind}"
    web = stack.units["web"].process
    assert web is not None
    began = monotonic()
    with growth(web.pid) as grown:
        fetch(stack, token, f"/api/v1/detections/?device=Lobby&format={kind}", file, within_s)
    seconds = monotonic() - began
    came = parquet.read_metadata(file).num_rows if kind == "parquet" else lines_of(file) - 1
    return [
        report.at_least(f"{kind}: rows", came, "", rows),
        report.told(f"{kind}: rows a second", came / seconds, "1/s"),
        report.told(f"{kind}: size", file.stat().st_size / MB, "MB"),
        report.below(f"{kind}: growth of the web server's memory", max(grown) / MB, "MB", MOST_GROWTH_MB),
    ]


def fetch(stack: Stack, token: str, path: str, file: Path, within_s: float) -> None:
    """Store the response of nginx in a file. Raises `OSError` if it breaks off or takes longer than `within_s`."""
    ends = monotonic() + within_s
    trust = ssl.create_default_context(cafile=str(stack.tls / "fullchain.pem"))
    request = urllib.request.Request(
        f"https://localhost:{stack.https}{path}", headers={"Authorization": f"Token {token}"}
    )
    with urllib.request.urlopen(request, timeout=300, context=trust) as response, file.open("wb") as target:
        while piece := response.read(MB):
            target.write(piece)
            if monotonic() > ends:
                raise TimeoutError(f"After {within_s:,.0f} s only {target.tell() / MB:,.0f} MB of {path} have come.")


def lines_of(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


@contextmanager
def growth(pid: int) -> Iterator[list[int]]:
    """Yield a list of how many bytes the memory of a process and its descendants has grown, which grows by samples."""
    before, samples, stop = memory_of(pid), [0], threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_EVERY_S):
            samples.append(memory_of(pid) - before)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    main()

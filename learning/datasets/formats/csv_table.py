"""One table of all boxes, with the columns of the script `xml_to_csv.py`. A picture without boxes has no row."""

import csv
import io
from collections.abc import Mapping, Sequence

from learning.datasets.formats.boxes import Annotated, Boxes, Reading, Sizes, resolve, size_of

COLUMNS = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]
FILE = "annotations.csv"


def is_table(content: bytes) -> bool:
    """Whether the first line names the columns."""
    first = content.lstrip(b"\xef\xbb\xbf").partition(b"\n")[0].decode("utf-8", "replace").strip()
    return {"filename", "class"} <= {name.strip().strip('"') for name in first.split(",")}


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes, in the order of their first rows."""
    reading = Reading()
    for path, content in files.items():
        collected: dict[str, tuple[tuple[int, int], Boxes]] = {}
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            reading.refuse(path, f"the columns {', '.join(missing)} are missing; the table needs {', '.join(COLUMNS)}")
            continue
        for row in rows:
            _read_row(row, f"{path}, line {rows.line_num}", path, sizes, reading, collected)
        reading.pictures += [Annotated(name, *size, tuple(found.boxes)) for name, (size, found) in collected.items()]
    return reading


def _read_row(
    row: Mapping[str, str | None],
    where: str,
    path: str,
    sizes: Sizes,
    reading: Reading,
    collected: dict[str, tuple[tuple[int, int], Boxes]],
) -> None:
    try:
        width, height, *edges = (float(row[column] or "") for column in ("width", "height", *COLUMNS[4:]))
        told = int(width), int(height)
    except (ValueError, OverflowError):
        reading.refuse(where, "a number is missing or is none")
        return
    name = resolve(row["filename"] or "", path, sizes)
    if name not in collected:
        size, wrong = size_of(name, told, sizes)
        if size is None:
            reading.refuse(where, wrong)
            return
        collected[name] = size, Boxes(reading, where, size)
    collected[name][1].at(where)
    collected[name][1].add(row["class"] or "", *edges)


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the table as the only file."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for each in pictures:
        for box in each.boxes:
            edges = (box.left, box.top, box.left + box.width, box.top + box.height)
            table.writerow([each.name, each.width, each.height, box.label, *edges])
    return {FILE: out.getvalue().encode()}

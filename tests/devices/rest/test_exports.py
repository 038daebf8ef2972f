"""Whole lists as files: everything in them, of the right type, and no memory that grows with them."""

import csv
import datetime as dt
import io
import re
import tracemalloc
from collections.abc import Iterator
from typing import Any

import openpyxl
import pandas as pd
import pyarrow
import pytest
from django.contrib.auth.models import User
from django.db import connection
from pyarrow import parquet
from rest_framework.test import APIClient

from analytics.models import Detection, Frame
from analytics.rest.views import DetectionViewSet
from devices.models import Device
from devices.rest import exports
from devices.rest.base import FILES
from devices.storage import partitions
from faces.models import Person
from tests import clock
from tests.analytics.pages.test_pages import coffee, picture

NOON = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
ROWS = 10_000
COLUMNS = exports.columns_of(DetectionViewSet.serializer_class(), DetectionViewSet.export_instead)

pytestmark = pytest.mark.django_db


def detections(device: Device, number: int, start: int = 0) -> None:
    """So many, of as many frames, a second apart; written by the database itself."""
    second = "'2026-11-20 20:00:00'" if connection.vendor == "sqlite" else "TIMESTAMPTZ '2026-11-20 20:00:00+00'"
    count = f"WITH RECURSIVE n(i) AS (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {start + number})"
    partitions.make([NOON])
    with connection.cursor() as cursor:
        cursor.execute(
            f"{count} INSERT INTO {Frame._meta.db_table} (device_id, taken_at, received_at, key, faces)"
            f" SELECT %s, {second}, {second}, i, 0 FROM n",
            [device.pk],
        )
        cursor.execute(
            f"INSERT INTO {Detection._meta.db_table} (frame_id, device_id, taken_at, label, confidence, box)"
            " SELECT id, device_id, taken_at, 'cup', 0.5, '[1, 2, 30, 40]'"
            f" FROM {Frame._meta.db_table} WHERE key >= %s",
            [start],
        )


def asked(user: User, path: str, **query: str) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    return client.get(f"/api/v1/{path}/", query)


def body(response: Any) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def test_a_file_has_the_whole_list_and_a_page_does_not(viewer: User, seattle01: Device) -> None:
    detections(seattle01, 150)
    assert len(asked(viewer, "detections").json()["results"]) == 100
    rows = list(csv.DictReader(io.StringIO(body(asked(viewer, "detections", format="csv")).decode("utf-8-sig"))))
    assert len(rows) == 150
    assert rows[0] == {
        "id": str(Detection.objects.order_by("pk")[0].pk),
        "site": "seattle",
        "device": "Seattle01",
        "taken_at": "2026-11-20T20:00:00+00:00",
        "label": "cup",
        "confidence": "0.5",
        "box.left": "1",
        "box.top": "2",
        "box.width": "30",
        "box.height": "40",
        "visit": "",
        "review": "",
    }


def test_a_parquet_file_has_types(viewer: User, seattle01: Device) -> None:
    detections(seattle01, 3)
    response = asked(viewer, "detections", format="parquet")
    assert response["Content-Type"] == "application/vnd.apache.parquet"
    assert response["Content-Disposition"] == 'attachment; filename="detections.parquet"'
    table = parquet.read_table(io.BytesIO(body(response)))
    assert table.schema.field("taken_at").type == pyarrow.timestamp("us", tz="UTC")
    assert table.schema.field("confidence").type == pyarrow.float64()
    assert table.schema.field("id").type == pyarrow.int64()
    assert table.column("taken_at").to_pylist() == [NOON] * 3
    assert table.column("review").to_pylist() == [None] * 3


def sheet(response: Any) -> list[tuple[Any, ...]]:
    """Return the rows of an Excel file, the names of the columns first."""
    assert response.status_code == 200
    content = response.content if hasattr(response, "content") else body(response)
    return list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))


def test_an_excel_file_has_types_and_says_whose_time_it_is(viewer: User, seattle01: Device) -> None:
    detections(seattle01, 3)
    response = asked(viewer, "detections", format="xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="detections.xlsx"'
    names, first, *more = sheet(response)
    assert dict(zip(names, first, strict=True)) == {
        "id": Detection.objects.order_by("pk")[0].pk,
        "site": "seattle",
        "device": "Seattle01",
        "taken_at (UTC)": NOON.replace(tzinfo=None),
        "label": "cup",
        "confidence": 0.5,
        "box.left": 1,
        "box.top": 2,
        "box.width": 30,
        "box.height": 40,
        "visit": None,
        "review": None,
    }
    assert len(more) == 2
    names, *hours = sheet(asked(viewer, "engagement", format="xlsx", site="seattle", bucket="day"))
    start = names.index("start (local time)")
    assert {row[start].time() for row in hours} == {dt.time()}, "days begin at the site's midnight"


def test_rows_inside_of_an_answer_are_the_rows_of_its_file(viewer: User, seattle01: Device) -> None:
    ada = Person.objects.create(site=seattle01.site, name="=Ada")
    coffee(picture(seattle01, 1, clock.now()), ada)
    names, row = sheet(asked(viewer, "leaderboard", format="xlsx"))
    shown = dict(zip(names, row, strict=True))
    assert (shown["rank"], shown["person.name"], shown["coffees"]) == (1, "=Ada", 1)
    table = parquet.read_table(io.BytesIO(asked(viewer, "leaderboard", format="parquet").content))
    assert table.column("coffees").to_pylist() == [1]


TEXTS = [
    "=1+1",
    "+49123",
    "-3",
    "@SUM(1)",
    "007",
    "1-2",
    "3/4",
    "MAR1",
    "10E5",
    "TRUE",
    "2026-01-02",
    "http://a.b",
    "Änne",
]


def test_no_text_of_an_excel_file_becomes_anything_else() -> None:
    schema = pyarrow.schema([("name", pyarrow.string()), ("number", pyarrow.int64())])
    content = b"".join(exports.as_xlsx([(text, 12_345_678_901_234_567) for text in TEXTS], schema))
    cells = list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2))
    assert [row[0].value for row in cells] == TEXTS
    assert {(row[0].data_type, row[0].hyperlink) for row in cells} == {("s", None)}
    assert {row[1].value for row in cells} == {"12345678901234567"}, "Excel would show zeros for the last digits"


def test_an_excel_file_of_too_many_rows_is_refused_in_a_sentence(
    viewer: User, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_SHEET_ROWS", 2)
    detections(seattle01, 3)
    answer = asked(viewer, "detections", format="xlsx")
    assert answer.status_code == 400
    assert "Choose a shorter period" in answer.json()["errors"]["format"]


def test_filters_hold_for_files_too(viewer: User, seattle01: Device) -> None:
    detections(seattle01, 3)
    assert body(asked(viewer, "detections", format="csv", label="thumbs-up")).count(b"\n") == 1
    empty = parquet.read_table(io.BytesIO(body(asked(viewer, "detections", format="parquet", label="thumbs-up"))))
    assert (empty.num_rows, empty.num_columns) == (0, len(COLUMNS) + 3)


def test_a_file_has_the_own_sites_only(outsider: User, seattle01: Device) -> None:
    detections(seattle01, 3)
    assert body(asked(outsider, "detections", format="csv")).count(b"\n") == 1


@pytest.mark.parametrize("path", ["sites", "devices", "quarantine", "captures", "people", "coffees", "detections"])
def test_every_list_is_a_file_of_each_kind(path: str, superuser: User, seattle01: Device) -> None:
    header = body(asked(superuser, path, format="csv")).decode("utf-8-sig").splitlines()[0].split(",")
    table = parquet.read_table(io.BytesIO(body(asked(superuser, path, format="parquet"))))
    assert table.column_names == header
    heads = [
        re.sub(r" \((UTC|local time)\)$", "", str(head)) for head in sheet(asked(superuser, path, format="xlsx"))[0]
    ]
    assert heads == header


def test_a_file_has_a_column_for_each_field_that_the_database_holds(superuser: User) -> None:
    """A computed field is left out (`image`), or another field is written in its place (`guest`, `payload`)."""
    header = {
        path: body(asked(superuser, path, format="csv")).decode("utf-8-sig").strip()
        for path in ("people", "quarantine")
    }
    assert header["people"] == "id,site,name,line,external_id,profile,guest_number,coffees,consent,created_at"
    assert header["quarantine"] == "id,received_at,device,topic,size,reason,detail,replayed_at"
    assert "state.live" not in body(asked(superuser, "devices", format="csv")).decode()
    assert body(asked(superuser, "coffees", format="csv")).startswith(
        b"\xef\xbb\xbfid,site,device,person.id,person.name,taken_at,"
    )


@pytest.mark.parametrize(("path", "more"), [("engagement", {}), ("counts", {"label": "cup"}), ("visitors", {})])
def test_a_series_is_a_parquet_file_with_types_even_where_all_is_null(
    path: str, more: dict[str, str], viewer: User, seattle01: Device
) -> None:
    answer = asked(viewer, path, site="seattle", format="parquet", **more)
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.num_rows >= 7
    assert table.schema.field("start").type == pyarrow.timestamp("us", tz="UTC")
    assert pyarrow.int64() in table.schema.types


def test_a_local_time_without_an_offset_stays_text(viewer: User, seattle01: Device) -> None:
    answer = asked(viewer, "engagement", align="local", bucket="day", format="parquet")
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.schema.field("start").type == pyarrow.string()
    assert table.schema.field("average_faces").type == pyarrow.float64()


def test_pandas_reads_a_csv_file_and_its_boxes_are_numbers(viewer: User, seattle01: Device) -> None:
    detections(seattle01, 3)
    read = pd.read_csv(io.BytesIO(body(asked(viewer, "detections", format="csv"))))
    assert list(read.columns)[:2] == ["id", "site"]
    assert read[["box.left", "box.top", "box.width", "box.height"]].to_numpy().tolist() == [[1, 2, 30, 40]] * 3


def test_a_csv_file_says_to_excel_that_it_is_utf_8(viewer: User, seattle01: Device) -> None:
    assert body(asked(viewer, "detections", format="csv")).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("path", ["detections", "episodes", "visitors", "detection-tables", "comparisons"])
def test_a_file_without_a_row_has_its_header(path: str, viewer: User, seattle01: Device) -> None:
    place = {"site": "seattle"} if path in ("visitors", "comparisons") else {}
    answer = asked(viewer, path, format="csv", **place)
    content = answer.content if hasattr(answer, "content") else body(answer)
    header = pd.read_csv(io.BytesIO(content)).columns
    assert set(header) & {"site", "start", "measure"}


def test_a_file_says_in_its_name_what_it_has(viewer: User, seattle01: Device) -> None:
    place = {"site": "seattle", "device": "Seattle01", "from": "2026-11-13T00:00:00-08:00", "to": "2026-11-20"}
    whole = asked(viewer, "detections", format="csv", **place)
    name = "seattle-Seattle01-from-2026-11-13-to-2026-11-20.csv"
    assert whole["Content-Disposition"] == f'attachment; filename="detections-{name}"'
    buckets = asked(viewer, "engagement", format="csv", bucket="day", **place)
    assert buckets["Content-Disposition"] == f'attachment; filename="engagement-{name.replace("01-", "01-day-")}"'
    assert "Content-Disposition" not in asked(viewer, "engagement", **place)


@pytest.mark.parametrize("text", ["../../etc/passwd", 'a"; x="b', "naïve\r\nX: y", "x" * 500])
def test_what_an_address_names_cannot_leave_the_name_of_a_file(text: str) -> None:
    name = exports.file_name("detections", {"site": text}, "csv")
    assert re.fullmatch(r"detections[0-9A-Za-z_.-]*\.csv", name)
    assert len(name) < 200


def test_an_error_is_told_as_one_and_not_as_a_file(viewer: User) -> None:
    answer = asked(viewer, "detections", format="parquet", site="nowhere")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_memory_does_not_grow_with_the_rows(seattle01: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK_ROWS", ROWS // 20)
    detections(seattle01, exports.CHUNK_ROWS)
    for kind in FILES:  # What is loaded or kept once, such as Arrow's buffers, is there after this.
        consume(write(kind))
    detections(seattle01, ROWS - exports.CHUNK_ROWS, start=exports.CHUNK_ROWS)
    with connection.cursor() as cursor:
        # As a database in service does by itself: planned for the few rows from before, the join would take minutes.
        cursor.execute("ANALYZE")
    streamed = {kind: most_held(write(kind)) for kind in FILES}
    held = most_held(list(rows()) for _ in range(1))
    assert Detection.objects.count() == ROWS
    assert max(streamed.values()) < held / 4, (streamed, held)


def test_every_row_comes_once_over_all_pages_and_later_rows_not_at_all(
    seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK_ROWS", 3)
    for start, count in ((0, 0), (100, 1), (200, 2), (300, 4)):
        if count:
            detections(seattle01, count, start=start)
        known = sorted(Detection.objects.values_list("pk", flat=True))
        found: list[Any] = []
        for row in exports.rows_of(Detection.objects.all(), {"id": "pk"}):
            if not found:
                detections(seattle01, 5, start=start + 50)
            found.append(row[0])
        assert found == known


def test_an_export_by_http_1_0_tells_its_length_because_it_has_no_other_end(viewer: User, seattle01: Device) -> None:
    detections(seattle01, 7)
    api = APIClient()
    api.force_authenticate(viewer)
    old: Any = api.get("/api/v1/detections/?format=csv", SERVER_PROTOCOL="HTTP/1.0")
    new: Any = api.get("/api/v1/detections/?format=csv")
    content = body(old)
    assert int(old["Content-Length"]) == len(content)
    assert content == body(new)
    assert "Content-Length" not in new
    assert old["Content-Disposition"] == new["Content-Disposition"]


def rows() -> Any:
    return exports.spread(list(COLUMNS), exports.rows_of(DetectionViewSet.queryset.all(), COLUMNS))


def write(kind: str) -> Iterator[bytes]:
    names = exports.spread_names(COLUMNS)
    return exports.pieces_of(kind, rows(), names, lambda: exports.schema_of(DetectionViewSet.queryset, COLUMNS))


def consume(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass


def most_held(pieces: Iterator[object]) -> int:
    """Return the most bytes that Python and Arrow held at a time while the pieces were made."""
    pool = pyarrow.default_memory_pool()
    before = pool.bytes_allocated()
    tracemalloc.start()
    try:
        of_arrow: int = max(pool.bytes_allocated() - before for _ in pieces)
        return tracemalloc.get_traced_memory()[1] + of_arrow
    finally:
        tracemalloc.stop()

"""The columns of archived facts: one Parquet file for each kind of fact and UTC day, sorted by device and time."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import models

from analytics.models import Detection, Frame, Visit
from analytics.models.archive import FactKind
from devices.rest.exports import arrow_type

if TYPE_CHECKING:
    import pyarrow

MODELS: dict[FactKind, type[models.Model]] = {
    FactKind.VISITS: Visit,
    FactKind.DETECTIONS: Detection,
    FactKind.FRAMES: Frame,
}
"""The model of each kind; what hangs on another fact stands before it."""

CHUNK_ROWS = 50_000
"""The rows of a row group: a few MB. A group without a row of the wanted devices is not read."""


def time_of(kind: FactKind) -> str:
    """Return the name of the column with the fact's time."""
    return str(MODELS[kind].partitioned_by)  # type: ignore[attr-defined]


def columns_of(kind: FactKind) -> dict[str, Any]:
    """Return the fields of the table by the names of their columns."""
    return {str(field.column): field for field in MODELS[kind]._meta.concrete_fields}


def schema_of(kind: FactKind) -> "pyarrow.Schema":
    """Return the columns with their Arrow types. A box is a JSON text."""
    import pyarrow

    fields = columns_of(kind).items()
    related = {name: field.target_field if isinstance(field, models.ForeignKey) else field for name, field in fields}
    return pyarrow.schema([(name, arrow_type(field)) for name, field in related.items()])


def name_of(kind: FactKind, day: dt.date, digest: str) -> str:
    """Return the name of the file in the storage of pictures, which is shared by all machines and backed up."""
    return f"facts/{kind}/{day:%Y/%m}/{day:%Y-%m-%d}-{digest.lstrip('-')[:12]}.parquet"

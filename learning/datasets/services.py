"""Creates, changes and deletes data sets and their labels; operators and owners of the site may do so."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, ProtectedError

from devices.models import Site
from devices.reading.labels import BadLabel, normalised
from devices.rules.text import clean_line, validate_line
from learning.datasets.rights import check_operator
from learning.models import Annotation, DataSet, Label

if TYPE_CHECKING:
    from devices.models import User

MOST_LABELS = 200
"""Classes of one data set. Annotators choose among them, and SageMaker's algorithm is meant for some dozens."""

CHANGEABLE = ("name", "licence", "consent", "split_by", "split_seed", "validation_share")


@transaction.atomic
def create_data_set(*, site: Site, name: str, by: "User | None", **values: Any) -> DataSet:
    """Create a data set. Raises `ValidationError` for a wrong value, and `PermissionDenied` unless the user may.

    `by` is None where the server's own administrator runs a command.
    """
    if by is not None:
        check_operator(site, by)
    data_set = DataSet(site=site, name=name, created_by=by, **values)
    data_set.full_clean()
    data_set.save()
    return data_set


@transaction.atomic
def change_data_set(*, data_set: DataSet, by: "User", **values: Any) -> DataSet:
    """Change these values. Raises as `create_data_set` does."""
    check_operator(data_set.site, by)
    for name in CHANGEABLE:
        if name in values:
            setattr(data_set, name, values[name])
    data_set.full_clean()
    data_set.save()
    return data_set


@transaction.atomic
def delete_data_set(*, data_set: DataSet, by: "User") -> None:
    """Delete the data set with its pictures, boxes and runs.

    Raises `PermissionDenied`, and `ValidationError` if a camera has, or had, one of its models, or if one of its jobs
    elsewhere may still cost.
    """
    check_operator(data_set.site, by)
    if data_set.runs.filter(is_elsewhere=True).exists():
        raise ValidationError("A job of this data set at SageMaker is still being ended. Stop it, and try again later.")
    try:
        data_set.delete()
    except ProtectedError:
        raise ValidationError(
            "A camera has, or had, a model of this data set; it stays, so that the camera's past can be read."
        ) from None


def label_key(name: str) -> str:
    """Return the spelling in which devices report this label. Raises `ValidationError`."""
    try:
        validate_line(clean_line(name))
        return normalised(name)
    except BadLabel as error:
        raise ValidationError(str(error)) from None


@transaction.atomic
def label_named(*, data_set: DataSet, name: str) -> tuple[Label, bool]:
    """Return the data set's label of this name, and whether it is new.

    Names that differ in capitals, spaces and underscores only are one label. Raises `ValidationError`.
    """
    key = label_key(name)
    DataSet.objects.select_for_update().get(pk=data_set.pk)
    found: Label | None = data_set.labels.filter(key=key).first()
    if found is not None:
        return found, False
    count = data_set.labels.count()
    if count >= MOST_LABELS:
        raise ValidationError(f"A data set has at most {MOST_LABELS} labels; “{clean_line(name)}” is one more.")
    last = data_set.labels.aggregate(last=Max("number"))["last"]
    label = Label(data_set=data_set, name=name, key=key, number=0 if last is None else last + 1)
    label.full_clean()
    label.save()
    return label, True


@transaction.atomic
def rename_label(*, label: Label, name: str, by: "User") -> Label:
    """Rename the label. If the data set has a label of that name, the two become one, which is returned.

    Raises `ValidationError` and `PermissionDenied`.
    """
    check_operator(label.data_set.site, by)
    key = label_key(name)
    DataSet.objects.select_for_update().get(pk=label.data_set_id)
    other: Label | None = Label.objects.filter(data_set=label.data_set_id, key=key).exclude(pk=label.pk).first()
    if other is None:
        label.name, label.key = name, key
        label.full_clean()
        label.save()
        return label
    Annotation.objects.filter(label=label).update(label=other)
    label.delete()
    return other


@transaction.atomic
def remove_label(*, label: Label, by: "User") -> None:
    """Delete the label with its boxes. Raises `PermissionDenied`."""
    check_operator(label.data_set.site, by)
    label.delete()

"""The pages of data sets and runs, for those who may see or use them."""

import io
import zipfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from devices.models import Site
from learning.datasets.uploads import MAX_UPLOAD_BYTES
from learning.models import Annotation, DataSet, Run, State
from learning.training import running
from tests.analytics.pages.test_pages import page, words
from tests.learning.datasets.test_importing import xml
from tests.learning.samples import archive, data_set, jpeg

pytestmark = pytest.mark.django_db


def post(user: User, view: str, /, *args: object, **values: Any) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(view, args=args), values)


def test_the_list_shows_the_data_sets_of_the_users_sites(taught: DataSet, viewer: User, outsider: User) -> None:
    told = words(page(viewer, reverse("data-sets")))
    assert "ok sign 1 label" in told
    assert "1 to annotate" in told
    assert "New data set" not in told
    assert "ok sign" not in words(page(outsider, "/learning/"))


def test_a_member_of_no_site_is_told_what_to_do(django_user_model: Any) -> None:
    nobody = django_user_model.objects.create_user("nobody")
    assert "You are not a member of any site yet" in words(page(nobody, reverse("data-sets")))


def test_an_operator_makes_changes_and_deletes_a_data_set(seattle: Site, operator: User) -> None:
    assert "New data set" in words(page(operator, reverse("data-set-new", args=["seattle"])))
    form = {"name": "mugs", "split_by": "recording", "validation_share": "0.3", "split_seed": "1"}
    answer = post(operator, "data-set-new", "seattle", **form)
    made = DataSet.objects.get()
    assert answer.headers["Location"] == made.get_absolute_url()
    again = post(operator, "data-set-new", "seattle", **form)
    assert "The site has a data set of this name." in words(again)
    post(operator, "data-set-change", made.pk, **(form | {"name": "our mugs"}))
    made.refresh_from_db()
    assert made.name == "our mugs"
    post(operator, "data-set-delete", made.pk)
    assert not DataSet.objects.exists()


def test_a_data_set_shows_labels_split_and_pictures(taught: DataSet, viewer: User) -> None:
    answer = page(viewer, taught.get_absolute_url())
    told = words(answer)
    assert "Pictures that are used 3" in told
    assert "To annotate pictures without a decision 1" in told
    assert "monday 1 1" in told
    assert "friday/009.jpg" in told
    assert "Add pictures" not in told
    assert "friday/009.jpg" not in words(page(viewer, f"{taught.get_absolute_url()}?label=ok+sign"))


def test_an_upload_is_imported_and_its_problems_are_listed(seattle: Site, operator: User) -> None:
    made = data_set()
    packed = archive(
        {
            "a.jpg": jpeg(1),
            "a.xml": xml("a.jpg", ("fist", 1, 1, 9, 9), ("fist", 9, 9, 1, 1)),
            "b.jpg": b"\xff\xd8\xff no",
        }
    )
    answer = post(operator, "data-set-import", made.pk, files=SimpleUploadedFile("x.zip", packed), recording="lobby")
    told = words(answer)
    assert "1 pictures were added, and 1 boxes in 1 pictures." in told
    assert "a.xml, box 2 the box is inverted" in told
    assert "b.jpg The picture is" in told
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [("x.zip", b"no archive", "no ZIP archive"), ("x.zip", archive({"a": b" " * 30_000_000}), "that is a bomb")],
)
def test_a_bad_archive_is_refused_with_a_sentence(
    name: str, content: bytes, why: str, seattle: Site, operator: User
) -> None:
    answer = post(operator, "data-set-import", data_set().pk, files=SimpleUploadedFile(name, content), recording="x")
    assert answer.status_code == 400
    assert why in words(answer)


def test_an_upload_that_is_too_large_says_what_to_do(seattle: Site, operator: User) -> None:
    client = Client()
    client.force_login(operator)
    address = reverse("data-set-import", args=[data_set().pk])
    answer = client.generic(
        "POST", address, b"", "multipart/form-data; boundary=x", CONTENT_LENGTH=str(MAX_UPLOAD_BYTES + 1)
    )
    assert answer.status_code == 413
    assert "Split the upload, or run `manage.py data_set import` on the server." in words(answer)


def test_the_import_keeps_its_protection_against_forged_requests(seattle: Site, operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert client.post(reverse("data-set-import", args=[data_set().pk])).status_code == 403


def test_an_export_has_the_folders_of_the_documents(taught: DataSet, viewer: User) -> None:
    answer = page(viewer, reverse("data-set-export", args=[taught.pk, "sagemaker"]))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:
        folders = {name.split("/")[0] for name in packed.namelist()}
    assert folders == {"train", "train_annotation", "validation", "validation_annotation"}
    assert page(viewer, reverse("data-set-export", args=[taught.pk, "docx"])).status_code == 404


def test_labels_are_added_renamed_joined_and_removed(taught: DataSet, operator: User) -> None:
    post(operator, "data-set-label", taught.pk, name="thumb")
    thumb = taught.labels.get(name="thumb")
    post(operator, "data-set-label", taught.pk, label=thumb.pk, name="Ok_Sign")
    assert list(taught.labels.values_list("name", flat=True)) == ["ok sign"]
    post(operator, "data-set-label", taught.pk, label=taught.labels.get().pk, remove="")
    assert not taught.labels.exists()
    assert not Annotation.objects.exists()


def test_a_picture_is_shown_to_members_only(taught: DataSet, viewer: User, outsider: User) -> None:
    shown = taught.pictures.first()
    assert shown is not None
    address = reverse("picture-file", args=[shown.pk])
    answer = page(viewer, address)
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8\xff")
    assert page(outsider, address).status_code == 404


def test_a_run_shows_its_figures_with_intervals_and_its_mistakes_as_pictures(evaluated: Run, viewer: User) -> None:
    told = words(page(viewer, reverse("run", args=[evaluated.pk])))
    assert "Expected boxes of the recordings that were kept apart 3" in told
    assert "33% 6%–79% found 1" in told
    assert "ok sign → palm 70%" in told
    assert "ok sign → nothing found" in told
    assert "More pictures help: from 5 to 20 examples" in told
    assert "SHA-256" in told
    higher = words(page(viewer, f"{reverse('run', args=[evaluated.pk])}?threshold=0.8"))
    assert "None at this threshold." in higher


def test_the_model_of_a_run_can_be_saved(evaluated: Run, viewer: User) -> None:
    answer = page(viewer, reverse("run-model", args=[evaluated.pk]))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="headcount-abababababab.model"'


def test_an_operator_starts_stops_and_deletes_a_run(
    taught: DataSet, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    assert "Strength of the fit" in words(page(operator, reverse("data-set-train", args=[taught.pk, "gesture"])))
    refused = post(operator, "data-set-train", taught.pk, "gesture", strength="9999")
    assert refused.status_code == 400
    assert "Strength of the fit must be 0.001 to 1000." in words(refused)
    post(operator, "data-set-train", taught.pk, "gesture", strength="2")
    run = Run.objects.get()
    assert run.parameters["strength"] == 2
    assert "waits for a worker" in words(page(operator, run.get_absolute_url()))
    post(operator, "run-stop", run.pk)
    assert Run.objects.get().state == State.STOPPED
    post(operator, "run-delete", run.pk)
    assert not Run.objects.exists()
    assert page(operator, reverse("data-set-train", args=[taught.pk, "nonsense"])).status_code == 404


def test_the_table_of_another_training_is_entered_and_stands_beside_ours(evaluated: Run, operator: User) -> None:
    into = evaluated.data_set
    assert "Enter a training done elsewhere" in words(page(operator, reverse("data-set-enter", args=[into.pk])))
    values = {
        "expected": "30",
        "true": "29",
        "false": "8",
        "mean_true": "0.875",
        "mean_false": "0.454",
        "seconds": "950",
    }
    post(operator, "data-set-enter", into.pk, **values, mini_batch_size="10", image_shape="512", epochs="60")
    told = words(page(operator, into.get_absolute_url()))
    assert "2 best figures entered by hand 30 29 8 1 0.875 0.454" in told
    wrong = post(operator, "data-set-enter", into.pk, **(values | {"true": "31"}))
    assert "There cannot be more true predictions than expected ones." in words(wrong)


def test_the_annotator_of_a_data_set_without_pictures_says_so(seattle: Site, taught: DataSet, operator: User) -> None:
    empty = DataSet.objects.create(site=seattle, name="Empty")
    assert "The data set has no picture yet." in words(page(operator, f"/learning/data-sets/{empty.pk}/annotate/"))
    done = words(page(operator, f"/learning/data-sets/{taught.pk}/annotate/"))
    assert "no picture yet" not in done

"""Data sets, their pictures and runs by /api/v1/data-sets/, /training-pictures/ and /training-runs/."""

import io
import zipfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Site
from learning.models import DataSet, Run
from learning.training import running
from tests.learning.samples import data_set, jpeg, picture

pytestmark = pytest.mark.django_db

SETS, PICTURES, RUNS = "/api/v1/data-sets/", "/api/v1/training-pictures/", "/api/v1/training-runs/"


def client(user: User) -> Any:
    made = APIClient()
    made.force_login(user)
    return made


def test_a_data_set_is_made_listed_changed_and_deleted(
    seattle: Site, operator: User, viewer: User, outsider: User
) -> None:
    made = client(operator).post(SETS, {"site": "seattle", "name": "mugs"}).json()
    assert (made["site"], made["split_by"], made["labels"]) == ("seattle", "recording", [])
    (row,) = client(viewer).get(SETS).json()["results"]
    assert row == made
    assert client(outsider).get(SETS).json()["results"] == []
    address = f"{SETS}{made['id']}/"
    assert client(viewer).patch(address, {"name": "cups"}).status_code == 403
    assert client(outsider).patch(address, {"name": "cups"}).status_code == 404
    assert client(operator).patch(address, {"name": "cups"}).json()["name"] == "cups"
    assert client(operator).delete(address).status_code == 204
    assert not DataSet.objects.exists()


def test_a_data_set_of_another_site_cannot_be_made(seattle: Site, outsider: User, viewer: User) -> None:
    refused = client(outsider).post(SETS, {"site": "seattle", "name": "mugs"})
    assert refused.status_code == 400
    assert "site" in refused.json()["errors"]
    assert client(viewer).post(SETS, {"site": "seattle", "name": "mugs"}).status_code == 403


def test_pictures_are_imported_and_exported(seattle: Site, operator: User) -> None:
    made = data_set()
    table = b"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,64,48,fist,1,1,9,9\na.jpg,64,48,fist,90,1,99,9\n"
    files = [SimpleUploadedFile("a.jpg", jpeg(1)), SimpleUploadedFile("b.jpg", b""), SimpleUploadedFile("a.csv", table)]
    report = (
        client(operator).post(f"{SETS}{made.pk}/import/", {"files": files, "recording": "x"}, format="multipart").json()
    )
    assert (report["added"], report["boxes"]) == (1, 1)
    assert report["problems"] == [
        {"where": "b.jpg", "what": "The picture is neither a JPEG nor a PNG."},
        {"where": "a.csv, line 3", "what": "the box lies outside the picture of 64 × 48 pixels"},
    ]
    answer = client(operator).get(f"{SETS}{made.pk}/export/?as=yolo&pictures=no")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:
        assert packed.namelist() == ["classes.txt", "labels/a.txt"]
    wrong = client(operator).get(f"{SETS}{made.pk}/export/?as=docx")
    assert "voc, csv, sagemaker" in wrong.json()["errors"]["as"][0]


def test_boxes_are_set_and_wrong_ones_named(seattle: Site, operator: User, viewer: User) -> None:
    row = picture(data_set(), 1)
    address = f"{PICTURES}{row.pk}/boxes/"
    box = {"label": "fist", "left": 1, "top": 2, "width": 9, "height": 9}
    found = client(operator).put(address, {"boxes": [box]}).json()
    assert found["boxes"] == [box]
    assert found["review"] == "kept"
    outside = client(operator).put(address, {"boxes": [box, box | {"left": 99}]})
    assert outside.json()["errors"] == {
        "non_field_errors": ["Box 2: the box lies outside the picture of 64 × 48 pixels."]
    }
    assert client(viewer).put(address, {"boxes": [box]}).status_code == 403


def test_the_split_tells_the_part_of_each_recording(taught: DataSet, viewer: User) -> None:
    split = client(viewer).get(f"{SETS}{taught.pk}/split/").json()
    assert sorted(split["recordings"].values()) == ["train", "train", "validation"]
    assert (split["train"], split["validation"]) == (2, 1)
    lonely = client(viewer).get(f"{SETS}{data_set('empty').pk}/split/")
    assert lonely.status_code == 400


def test_a_run_is_started_stopped_and_read(
    taught: DataSet,
    operator: User,
    viewer: User,
    outsider: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    body = {"data_set": taught.pk, "kind": "gesture", "parameters": {"seed": 7}}
    made = client(operator).post(RUNS, body).json()
    assert (made["state"], made["parameters"]["seed"]) == ("queued", 7)
    assert client(viewer).post(RUNS, body).status_code == 403
    assert client(outsider).post(RUNS, body).status_code == 400
    wrong = client(operator).post(RUNS, body | {"parameters": {"epochs": 7}})
    assert "There is no such parameter" in wrong.json()["errors"]["epochs"][0]
    address = f"{RUNS}{made['id']}/"
    assert client(operator).post(f"{address}stop/").json()["state"] == "stopped"
    assert client(viewer).get(f"{address}evaluation/").status_code == 404
    assert client(viewer).get(f"{address}model/").status_code == 404
    assert client(operator).delete(address).status_code == 204


def test_the_evaluation_is_read_at_any_threshold(evaluated: Run, viewer: User) -> None:
    address = f"{RUNS}{evaluated.pk}/"
    found = client(viewer).get(f"{address}evaluation/").json()
    assert (found["threshold"], found["table"]["true"], found["table"]["missed"]) == (0.6, 1, 2)
    assert found["confusion"]["labels"] == ["ok sign", "palm", "nothing"]
    assert client(viewer).get(f"{address}evaluation/?threshold=0.95").json()["table"]["true"] == 0
    assert client(viewer).get(f"{address}evaluation/?threshold=7").status_code == 400
    assert b"".join(client(viewer).get(f"{address}model/").streaming_content).startswith(b"HEADCOUNT MODEL")


def test_figures_of_a_training_elsewhere_are_entered(seattle: Site, operator: User) -> None:
    body = {
        "data_set": data_set().pk,
        "kind": "entered",
        "parameters": {"epochs": 60},
        "figures": {"expected": 30, "true": 29, "false": 8, "mean_true": 0.875, "mean_false": 0.454, "seconds": 950},
    }
    made = client(operator).post(RUNS, body).json()
    assert (made["state"], made["figures"]["true"], made["seconds"]) == ("done", 29, 950)

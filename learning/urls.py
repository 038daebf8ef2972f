"""The addresses of the pages and of the API of learning."""

from typing import Any

from django.urls import path

from learning.pages import annotate, corrections, datasets, rollouts, runs
from learning.rest.datasets import DataSetViewSet, PictureViewSet
from learning.rest.devices import DeviceModelViewSet
from learning.rest.rollouts import RolloutViewSet
from learning.rest.runs import RunViewSet

api: list[tuple[str, Any, str]] = [
    ("data-sets", DataSetViewSet, "dataset"),
    ("training-pictures", PictureViewSet, "training-picture"),
    ("model-rollouts", RolloutViewSet, "model-rollout"),
    ("device-models", DeviceModelViewSet, "device-model"),
    ("training-runs", RunViewSet, "training-run"),
]
urlpatterns: list[Any] = [
    path("learning/", datasets.data_sets, name="data-sets"),
    path("sites/<slug:site>/data-sets/new/", datasets.new, name="data-set-new"),
    path("learning/data-sets/<int:pk>/", datasets.data_set, name="data-set"),
    path("learning/data-sets/<int:pk>/change/", datasets.change, name="data-set-change"),
    path("learning/data-sets/<int:pk>/delete/", datasets.delete, name="data-set-delete"),
    path("learning/data-sets/<int:pk>/import/", datasets.import_upload, name="data-set-import"),
    path("learning/data-sets/<int:pk>/export/<slug:form>.zip", datasets.export, name="data-set-export"),
    path("learning/data-sets/<int:pk>/labels/", datasets.change_label, name="data-set-label"),
    path("learning/data-sets/<int:pk>/train/<slug:kind>/", runs.start, name="data-set-train"),
    path("learning/data-sets/<int:pk>/enter/", runs.enter, name="data-set-enter"),
    path("learning/data-sets/<int:pk>/annotate/", annotate.annotate, name="data-set-annotate"),
    path("learning/data-sets/<int:pk>/annotate/pictures/", annotate.describe, name="annotate-pictures"),
    path("learning/data-sets/<int:pk>/review/", annotate.bulk, name="data-set-review"),
    path("learning/pictures/<int:pk>/boxes/", annotate.save, name="annotate-save"),
    path("learning/pictures/<int:pk>/proposals/", annotate.proposals, name="annotate-proposals"),
    path("learning/data-sets/<int:pk>/retrain/", corrections.retrain, name="data-set-retrain"),
    path("sites/<slug:site>/training-pictures/", corrections.training_policy, name="training-policy"),
    path("learning/runs/<int:pk>/", runs.run, name="run"),
    path("learning/runs/<int:pk>/stop/", runs.stop, name="run-stop"),
    path("learning/runs/<int:pk>/delete/", runs.delete, name="run-delete"),
    path("learning/runs/<int:pk>/file.model", runs.model, name="run-model"),
    path("learning/runs/<int:pk>/put-on/", rollouts.put_on, name="run-put-on"),
    path("learning/model-rollouts/<int:pk>/take-off/", rollouts.take_off, name="model-rollout-take-off"),
    path("learning/pictures/<int:pk>.jpg", datasets.picture_file, name="picture-file"),
]

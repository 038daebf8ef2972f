"""The tables of this floor."""

from learning.models.datasets import (
    Annotation,
    DataSet,
    Label,
    Opinion,
    Origin,
    Picture,
    Review,
    SplitBy,
    picture_file_name,
)
from learning.models.policies import TrainingPolicy
from learning.models.rollouts import Rollout
from learning.models.runs import ON_CAMERAS, OPEN_STATES, Kind, Prediction, Run, State, model_file_name

__all__ = [
    "ON_CAMERAS",
    "OPEN_STATES",
    "Annotation",
    "DataSet",
    "Kind",
    "Label",
    "Opinion",
    "Origin",
    "Picture",
    "Prediction",
    "Review",
    "Rollout",
    "Run",
    "SplitBy",
    "State",
    "TrainingPolicy",
    "model_file_name",
    "picture_file_name",
]

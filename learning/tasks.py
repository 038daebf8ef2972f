"""The tasks of the workers. Each calls one service with the current time."""

import datetime as dt

from django.utils import timezone

from faces.recognition import health
from learning.datasets import policies
from learning.training import running
from learning.training.sagemaker import runs as sagemaker_runs


def work_on_run(run: int) -> str:
    """Work on the run for some seconds, and return its new state."""
    health.note_long_task(dt.timedelta(seconds=running.LONGEST_SECONDS))
    return running.work(run_id=run).state


def remove_old_training_pictures() -> int:
    return sum(policies.remove_old_pictures(now=timezone.now()))


def sweep_runs() -> int:
    """Enqueue lost runs; return how many were due."""
    return running.sweep(now=timezone.now())


def clean_up_sagemaker() -> int:
    """End what runs that are over have left at SageMaker; return of how many runs nothing is left."""
    return sagemaker_runs.clean_up()


def remove_forgotten_endpoints() -> int:
    return sagemaker_runs.remove_forgotten_endpoints()

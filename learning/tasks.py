"""The tasks of the workers. Each calls one service with the current time."""

from django.utils import timezone

from learning.datasets import policies
from learning.training import running


def work_on_run(run: int) -> str:
    """Work on the run for some seconds, and return its new state."""
    return running.work(run_id=run).state


def remove_old_training_pictures() -> int:
    return sum(policies.remove_old_pictures(now=timezone.now()))


def sweep_runs() -> int:
    """Enqueue lost runs; return how many were due."""
    return running.sweep(now=timezone.now())

"""Keeps the trained models of a running agent up to date: new ones in, failed ones out, and the platform told."""

from typing import TYPE_CHECKING

from edge_agent.learned.fetching import ModelFetcher
from edge_agent.learned.running import RunningModels
from edge_agent.messages import TrainingRule

if TYPE_CHECKING:
    from edge_agent.delivery.link import Link
    from edge_agent.eyes import Eyes


class ModelUpkeep:
    """The agent's trained models. Without a `fetcher` there are none, but the labels of the eyes are reported."""

    def __init__(self, fetcher: ModelFetcher | None = None) -> None:
        self._fetcher = fetcher
        self._running = fetcher.running() if fetcher else RunningModels()

    @property
    def training(self) -> TrainingRule | None:
        """Which frames the platform wants to train with; None where it wants none."""
        return self._fetcher.training if self._fetcher else None

    def begin(self, eyes: "Eyes") -> None:
        """Let the eyes look by the models of the last time."""
        eyes.learn(self._running)

    def update(self, eyes: "Eyes", link: "Link") -> None:
        """Run the models that have been fetched; bring the former ones back in place of those that failed."""
        if self._fetcher is None:
            return
        if self._running.faults:
            self._fetcher.report(self._running.take_faults())
        fetched = self._fetcher.take()
        if fetched is not None:
            self._running = fetched
            eyes.learn(fetched)
            self.note(eyes, link)
            link.report_status()

    def note(self, eyes: "Eyes", link: "Link") -> None:
        """Let the next status tell the labels and models."""
        reports = self._fetcher.reports(self._running.notes) if self._fetcher else ()
        link.note_learned(eyes.labels, reports)

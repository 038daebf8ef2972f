"""Fetches the models that the platform wants on this box, and hands them over when all of them are there and tested."""

import http.client
import logging
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urljoin

import msgspec

from edge_agent.config import AgentConfig
from edge_agent.learned.model_file import BadModelFile
from edge_agent.learned.running import RunningModels
from edge_agent.learned.store import MOST_MODELS, ModelStore, Wanted
from edge_agent.messages import ModelReport, TrainingRule
from edge_agent.text.plain_words import why_unreached

log = logging.getLogger(__name__)

ASK_SECONDS = 30.0
"""How often the platform is asked which models it wants here."""

TIMEOUT_SECONDS = 30.0
PIECE_BYTES = 64 * 1024
MAX_LIST_BYTES = 64 * 1024

LONGEST_NOTE = 300
"""Characters of a reason in a report."""

ADDRESS = "/api/v1/device-models/"
BESIDE_CAPTURES = "../device-models/"
"""The list of wanted models, on the platform and relative to its address for captures."""


class WantedModels(msgspec.Struct, frozen=True):
    """The platform's answer."""

    models: tuple[Wanted, ...]
    training: TrainingRule | None = None


class ModelFetcher:
    """Asks, fetches, checks, tests. It runs its own thread; the agent takes finished models with `take`."""

    def __init__(self, config: AgentConfig, store: ModelStore) -> None:
        self._url = _address(config)
        self._token, self._store = config.device_token or "", store
        self._finished: queue.SimpleQueue[RunningModels] = queue.SimpleQueue()
        self._faults: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._complained = ""
        self._wanted: frozenset[str] = frozenset()
        self.training: TrainingRule | None = None
        """Which frames the platform wants for training; None until it has said so, and while it cannot be reached."""
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stop.set()
        self._thread.join(timeout)

    def running(self) -> RunningModels:
        """Return the models of the last time, to start with before the platform is reached."""
        return self._store.running()

    def reports(self, notes: Mapping[str, str]) -> tuple[ModelReport, ...]:
        """Return what is to be said of the models on this box, and of those that it refused. Any thread.

        `notes` are sentences on running models, by SHA-256.
        """
        state = self._store.state
        running = [ModelReport(each, "running", notes.get(each, "")[:LONGEST_NOTE]) for each in state.current]
        wanted = self._wanted
        refused = [
            ModelReport(each, "refused", why[:LONGEST_NOTE]) for each, why in state.refused.items() if each in wanted
        ]
        return tuple(running + refused)

    def take(self) -> RunningModels | None:
        """Return the models to run from now on, if they have changed. Any thread."""
        try:
            return self._finished.get_nowait()
        except queue.Empty:
            return None

    def report(self, faults: dict[str, str]) -> None:
        """Tell that these running models have failed, so that the former ones come back. Any thread."""
        self._faults.put(dict(faults))

    def step(self) -> bool:
        """Bring the models on this box to what the platform wants; return whether the platform was reached."""
        while not self._faults.empty():
            self._store.revert(self._faults.get())
            self._finished.put(self._store.running())
        try:
            wanted = self._ask()
            self._wanted = frozenset(each.sha256 for each in wanted)
            for each in wanted:
                self._bring(each)
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            self.training = None  # whether the owner still allows it is unknown
            return self._complain(why_unreached(error))
        self._complained = ""
        refused = self._store.state.refused
        if any(each.sha256 in refused for each in wanted):
            return True  # the former models go on
        names = tuple(each.sha256 for each in wanted)
        if names != self._store.state.current:
            self._store.use(names)
            running = self._store.running()
            log.info("trained models in use: %s", ", ".join(each.name for each in wanted) or "none")
            self._finished.put(running)
        return True

    def _ask(self) -> tuple[Wanted, ...]:
        with self._opener.open(self._request(self._url), timeout=TIMEOUT_SECONDS) as answer:
            content = answer.read(MAX_LIST_BYTES + 1)
        answer = msgspec.json.decode(content, type=WantedModels)
        self.training = answer.training
        return answer.models[:MOST_MODELS]

    def _bring(self, wanted: Wanted) -> None:
        """Fetch this model unless it is here or was refused. A broken download goes on where it ended."""
        if self._store.has(wanted) or wanted.sha256 in self._store.state.refused:
            return
        part = self._store.part(wanted)
        have = part.stat().st_size if part.exists() else 0
        if have < wanted.bytes:
            request = self._request(urljoin(self._url, f"{wanted.sha256}/"))
            if have:
                request.add_header("Range", f"bytes={have}-")
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                goes_on = answer.status == HTTPStatus.PARTIAL_CONTENT
                with part.open("ab" if goes_on else "wb") as file:
                    left = wanted.bytes - (have if goes_on else 0)
                    while left > 0 and not self._stop.is_set() and (piece := answer.read(min(PIECE_BYTES, left))):
                        file.write(piece)
                        left -= len(piece)
            if left > 0:
                raise http.client.HTTPException("the download of a model was cut off; it goes on later")
        try:
            self._store.finish(wanted)
        except BadModelFile as error:
            log.error("the model “%s” is refused: %s", wanted.name, error)
            self._store.refuse(wanted.sha256, str(error))

    def _request(self, url: str) -> urllib.request.Request:
        return urllib.request.Request(url, headers={"Authorization": f"Device {self._token}"})  # noqa: S310

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:
                log.exception("fetching models failed; it goes on")
            self._stop.wait(ASK_SECONDS)

    def _complain(self, reason: str) -> bool:
        if reason != self._complained:
            self._complained = reason
            log.warning("models cannot be fetched from %s: %s; it is tried again", self._url, reason)
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would send the token to another server."""

    def redirect_request(self, *_: object) -> None:
        return None


def _address(config: AgentConfig) -> str:
    """Return the address of the list of wanted models."""
    if config.platform_url is not None:
        return config.platform_url.rstrip("/") + ADDRESS
    return urljoin(f"{(config.upload_url or '').rstrip('/')}/", BESIDE_CAPTURES)

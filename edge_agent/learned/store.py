"""Keeps the files of models on the box: those in use, those before, and which ones were refused.

A power cut at any moment leaves either the models from before or the new ones.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from edge_agent.durable import flush, replace_file
from edge_agent.learned.gesture_model import GestureModel
from edge_agent.learned.model_file import MAX_BYTES, BadModelFile, read, sha256
from edge_agent.learned.outline_model import OutlineModel
from edge_agent.learned.running import Model, RunningModels
from edge_agent.learned.thing_model import ThingModel
from edge_agent.vision.files import models_folder

log = logging.getLogger(__name__)

MOST_MODELS = 8
"""Models that run at once."""

MOST_REFUSED = 50
"""Refused models that are remembered, so that they are not fetched again and again."""

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Wanted(msgspec.Struct, frozen=True):
    """A model that the platform wants on this box."""

    sha256: Sha256
    bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_BYTES)]
    name: str = ""


class State(msgspec.Struct, frozen=True):
    """Which models the box uses."""

    current: tuple[Sha256, ...] = ()
    former: tuple[Sha256, ...] = ()
    refused: dict[str, str] = msgspec.field(default_factory=dict)
    """For each model that cannot be used here, one sentence that says why."""


class ModelStore:
    """The folder with the files of models. One thread only."""

    def __init__(self, folder: Path, shipped: Path | None = None) -> None:
        """`shipped` is the folder of the agent's own models, by default `models_folder()`: things need one of them."""
        self._folder, self._shipped = folder, shipped
        self._state = self._load_state()

    @property
    def state(self) -> State:
        return self._state

    def part(self, wanted: Wanted) -> Path:
        """Return the path of the unfinished download of this model."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{wanted.sha256}.part"

    def has(self, wanted: Wanted) -> bool:
        return self._path(wanted.sha256).exists()

    def finish(self, wanted: Wanted) -> None:
        """Check the finished download, and keep it as a model. Raises `BadModelFile`, and deletes it, otherwise."""
        part = self.part(wanted)
        try:
            content = part.read_bytes()
            if sha256(content) != wanted.sha256:
                raise BadModelFile("the file is not the one that the platform named")
            load(content, self._shipped)
            flush(part)
            part.replace(self._path(wanted.sha256))
            flush(self._folder)
        except BadModelFile:
            part.unlink(missing_ok=True)
            raise

    def refuse(self, model: str, why: str) -> None:
        """Remember that this model cannot be used here."""
        refused = dict(list({**self._state.refused, model: why}.items())[-MOST_REFUSED:])
        self._save(msgspec.structs.replace(self._state, refused=refused))

    def use(self, models: Sequence[str]) -> None:
        """Use these models from now on, and keep those before; the files of all others are deleted."""
        if tuple(models) == self._state.current:
            return
        self._save(State(tuple(models), self._state.current, self._state.refused))
        self._clean()

    def revert(self, faults: dict[str, str]) -> None:
        """Refuse these models, and go back to the models before them. Without any before, the built-in rules remain."""
        refused = dict(list({**self._state.refused, **faults}.items())[-MOST_REFUSED:])
        kept = [model for model in self._state.current if model not in faults]
        before = [model for model in self._state.former if model not in refused and model not in kept]
        self._save(State(tuple([*kept, *before][:MOST_MODELS]), (), refused))

    def running(self) -> RunningModels:
        """Return the models in use, each read and tested again; one that cannot be used is refused, and said."""
        models, faults = [], {}
        for each in self._state.current:
            try:
                model = load(self._path(each).read_bytes(), self._shipped)
            except (OSError, BadModelFile) as error:
                faults[each] = f"{error}"
                log.warning("a trained model on this box cannot be used: %s", error)
            else:
                models.append((each, model))
        if faults:
            self.revert(faults)
            return self.running()
        return RunningModels(models)

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.model"

    def _clean(self) -> None:
        keep = {self._path(each).name for each in (*self._state.current, *self._state.former)}
        for path in self._folder.glob("*.model"):
            if path.name not in keep:
                path.unlink(missing_ok=True)

    @property
    def _state_path(self) -> Path:
        return self._folder / "models.json"

    def _load_state(self) -> State:
        try:
            return msgspec.json.decode(self._state_path.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read, so the models are fetched again: %s", self._state_path, error)
            return State()

    def _save(self, state: State) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(self._state_path, msgspec.json.encode(state))
        self._state = state


def load(content: bytes, shipped: Path | None = None) -> Model:
    """Return the model of a file that has passed its self-test here. Raises `BadModelFile`.

    `shipped` is as for `ModelStore`.
    """
    file = read(content)
    model: Model
    match file.header.kind:
        case "gesture":
            model = GestureModel(file)
        case "thing":
            model = ThingModel(file, shipped or models_folder())
        case "rigid":
            model = OutlineModel(file)
    model.test()
    return model

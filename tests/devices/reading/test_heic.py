"""Photographs of iPhones are read, and what they may cost is bounded by a process of its own."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from devices.reading import heic
from devices.reading.pictures import BadPicture, photograph_jpeg, sanitised_jpeg

PHOTOGRAPHS = Path(__file__).parent / "samples" / "photographs"


def photograph(name: str) -> bytes:
    return (PHOTOGRAPHS / f"{name}.heic").read_bytes()


def pixels(jpeg: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int64)


def test_a_photograph_stands_upright_however_the_phone_was_held() -> None:
    upright, turned = (pixels(photograph_jpeg(photograph(name))) for name in ("upright", "turned"))
    assert upright.shape == turned.shape == (480, 320, 3)
    assert np.abs(upright - turned).mean() < 5


def test_more_pixels_than_are_taken_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(BadPicture, match="The picture is 6000 by 5000 pixels; at most 25,000,000 in all are taken"):
        photograph_jpeg(photograph("30-megapixels"))


@pytest.mark.parametrize("cut", [40, 2_000, 18_000])
def test_a_file_that_ends_too_early_is_refused_in_a_sentence(cut: int) -> None:
    with pytest.raises(BadPicture, match=r"^The HEIC picture is damaged: .+\.$"):
        photograph_jpeg(photograph("upright")[:cut])


def test_a_camera_sends_none() -> None:
    with pytest.raises(BadPicture, match="is a HEIC, which is read from people's own photographs alone; send a JPEG"):
        sanitised_jpeg(photograph("upright"))


def test_what_it_takes_is_spent_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[int] = []

    def run(*_: object, **__: object) -> object:
        assert spent == [heic.WORK]
        return subprocess.CompletedProcess([], 0, stdout=_jpeg())

    monkeypatch.setattr("subprocess.run", run)
    photograph_jpeg(photograph("upright"), spent.append)
    assert spent == [heic.WORK, 64 * 64]


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "JPEG")
    return out.getvalue()


def test_the_decoder_sees_no_secret_of_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "a-secret")
    monkeypatch.setattr(heic, "DECODER", _program(tmp_path, "import os; print(sorted(os.environ))"))
    assert b"SECRET_KEY" not in heic.as_jpeg(b"")


def test_a_decoder_that_does_not_end_or_crashes_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic, "DECODER", _program(tmp_path, "import os; os.abort()"))
    with pytest.raises(BadPicture, match="is damaged, or takes too much memory; save it as a JPEG"):
        heic.as_jpeg(b"")
    monkeypatch.setattr(heic, "DECODER", _program(tmp_path, "while True: pass"))
    monkeypatch.setattr(heic, "MOST_SECONDS", 0.2)
    with pytest.raises(BadPicture, match="takes too long to read; save it as a JPEG"):
        heic.as_jpeg(b"")


def test_the_decoder_has_limits_of_memory_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder itself, with its own start, is given a picture that asks the kernel for its limits."""
    asks = (
        "import runpy, sys, resource, pi_heif\n"
        "def ask(*_):\n"
        "    print(*(resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)))\n"
        "    sys.exit(0)\n"
        "pi_heif.open_heif = ask\n"
        f"runpy.run_path({str(heic.DECODER)!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(heic, "DECODER", _program(tmp_path, asks))
    assert heic.as_jpeg(b"").split() == [b"1073741824", b"10"]


def _program(folder: Path, text: str) -> Path:
    path = folder / "decoder.py"
    path.write_text(text)
    return path

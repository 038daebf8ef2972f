"""The forms of all pages."""

import re
from pathlib import Path

import pytest

from tests.house.files import ROOT

FORM = re.compile(r"<form[^>]*>(.*?)</form>", re.DOTALL)
TYPED = re.compile(r'<input(?![^>]*type="(?:hidden|radio|checkbox|file|date)")')
BUTTON = re.compile(r'<button(?![^>]*type="button")[^>]*>')


@pytest.mark.parametrize("page", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.stem)
def test_the_enter_key_presses_no_button_beside_the_main_one(page: Path) -> None:
    """In a form with a field to type in, browsers press the first button, also where it is hidden."""
    for form in FORM.findall(page.read_text()):
        first, *others = BUTTON.findall(form) or [""]
        if others and TYPED.search(form):
            assert "formnovalidate" not in first, f"{first} comes before the main button"

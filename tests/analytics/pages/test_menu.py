"""The main menu marks the part of the product that a page belongs to, and lists for many sites stay short."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from devices.models import Device, Site

pytestmark = pytest.mark.django_db

MARKED = re.compile(r'<nav class="frame-nav.*?aria-current="(page|true)">(\w+)</a>', re.DOTALL)


@pytest.mark.parametrize(
    ("route", "arguments", "marked"),
    [
        ("overview", [], ("page", "Overview")),
        ("sites", [], ("page", "Sites")),
        ("site", ["seattle"], ("true", "Sites")),
        ("site-settings", ["seattle"], ("true", "Sites")),
        ("device", ["seattle", "Seattle01"], ("true", "Sites")),
        ("walls", [], ("true", "Sites")),
        ("question-ask", ["seattle"], ("true", "Questions")),
        ("data-set-new", ["seattle"], ("true", "Learning")),
        ("timeline", ["seattle"], ("true", "Content")),
    ],
)
def test_the_menu_marks_one_entry(
    admin_client: Client, seattle01: Device, route: str, arguments: list[str], marked: tuple[str, str]
) -> None:
    page = admin_client.get(reverse(route, args=arguments)).content.decode()
    menu = page[page.index('<nav class="frame-nav') : page.index("</nav>")]
    assert menu.count("aria-current") == 1
    assert MARKED.search(menu).groups() == marked  # type: ignore[union-attr]


@pytest.mark.parametrize(("route", "new"), [("questions", "question-ask"), ("data-sets", "data-set-new")])
def test_many_sites_have_no_button_each_until_one_is_selected(
    admin_client: Client, seattle01: Device, route: str, new: str
) -> None:
    made = reverse(new, args=["seattle"])
    assert made in admin_client.get(reverse(route)).content.decode()
    for number in range(5):
        Site.objects.create(slug=f"site-{number}", name=f"Site {number}", timezone="UTC")
    page = admin_client.get(reverse(route)).content.decode()
    assert made not in page
    assert "Select a site" in page
    assert made in admin_client.get(f"{reverse(route)}?site=seattle").content.decode()


def test_a_page_of_no_entry_marks_none(admin_client: Client) -> None:
    page = admin_client.get(reverse("account")).content.decode()
    assert "aria-current" not in page[page.index('<nav class="frame-nav') : page.index("</nav>")]

"""What a page's own script is answered when it asks what has changed."""

import re
from collections.abc import Callable
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client, RequestFactory
from django.urls import reverse

from devices.models import Device
from devices.pages import live

PAGE = "{% load live %}<h1>Page</h1>{% live 'one' 'part' %}<b>{{ one }}</b>{% endlive %}{% live 'two' %}2{% endlive %}"


def page(one: object, status: int = HTTPStatus.OK) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(Template(PAGE).render(Context({"request": request, "one": one})), status=status)

    return live.send_live_parts(view)


def ask(view: Callable[[HttpRequest], HttpResponse], etag: str = "") -> HttpResponse:
    headers = {"X-Live": "1"} | ({"If-None-Match": etag} if etag else {})
    return view(RequestFactory(headers=headers).get("/"))


def test_a_reader_gets_the_whole_page() -> None:
    answer = page(1)(RequestFactory().get("/"))
    assert re.sub(r'data-live="\w{16}"', "", answer.content.decode()) == (
        '<h1>Page</h1><div id="live-one-part" ><b>1</b></div><div id="live-two" >2</div>'
    )
    assert "X-Live" in answer.headers["Vary"]


def test_the_script_gets_the_parts_alone_until_one_of_them_changes() -> None:
    first = ask(page(1))
    assert b"<h1>" not in first.content
    assert first.content.count(b"data-live=") == 2
    assert first.headers["Cache-Control"] == "private, no-cache"
    etag = first.headers["ETag"]
    same = ask(page(1), etag)
    assert (same.status_code, same.content, same.headers["ETag"]) == (HTTPStatus.NOT_MODIFIED, b"", etag)
    assert ask(page(1), f"W/{etag}").status_code == HTTPStatus.NOT_MODIFIED, "a proxy that compresses weakens it"
    changed = ask(page("<i>"), etag)
    assert changed.status_code == HTTPStatus.OK
    assert b"<b>&lt;i&gt;</b>" in changed.content
    versions = [re.findall(rb'data-live="(\w+)"', answer.content) for answer in (first, changed)]
    assert versions[0][0] != versions[1][0]
    assert versions[0][1] == versions[1][1]


def test_an_error_is_answered_as_such() -> None:
    answer = ask(page(1, HTTPStatus.NOT_FOUND))
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert b"<h1>" in answer.content


def test_a_part_has_a_name() -> None:
    with pytest.raises(TemplateSyntaxError, match="Give the live part a name"):
        Template("{% load live %}{% live %}{% endlive %}")


def test_who_is_signed_out_or_no_member_any_more_is_not_answered(seattle01: Device, outsider: User) -> None:
    headers = {"X-Live": "1"}
    address = seattle01.get_absolute_url()
    assert Client(headers=headers).get(address).status_code == HTTPStatus.FOUND
    client = Client(headers=headers)
    client.force_login(outsider)
    assert client.get(address).status_code == HTTPStatus.NOT_FOUND
    parts = client.get(reverse("overview"))
    assert parts.status_code == HTTPStatus.OK
    assert b"<html" not in parts.content
    assert b"Seattle" not in parts.content

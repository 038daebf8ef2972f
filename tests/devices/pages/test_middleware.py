from django.http import HttpRequest, HttpResponse

from devices.pages.middleware import CONTENT_SECURITY_POLICY, content_security_policy

HEADER = "Content-Security-Policy"


def test_every_answer_has_the_policy() -> None:
    answer = content_security_policy(lambda request: HttpResponse())(HttpRequest())
    assert answer.headers[HEADER] == CONTENT_SECURITY_POLICY


def test_an_answer_may_have_a_policy_of_its_own() -> None:
    own = HttpResponse(headers={HEADER: "default-src 'none'"})
    answer = content_security_policy(lambda request: own)(HttpRequest())
    assert answer.headers[HEADER] == "default-src 'none'"

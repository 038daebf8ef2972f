"""Mail: plain notices, and letters as HTML with their pictures inside and a PDF."""

from email.message import EmailMessage as Built
from email.utils import formatdate
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from notifications.letters import rendering
from notifications.letters.rendering import Rendered
from notifications.sending.addresses import Failed, Refused

__all__ = ["Failed", "Refused", "send_letter", "send_text"]


def send_text(message_id: str, recipients: list[str], subject: str, text: str, picture: bytes | None = None) -> None:
    """Mail a text, and a JPEG beside it. Raises `Failed` and `Refused`."""
    headers = {"Message-ID": f"<{message_id}@headcount>", "Auto-Submitted": "auto-generated"}
    mail = EmailMessage(" ".join(subject.split()), text, to=recipients, headers=headers)
    if picture is not None:
        mail.attach("picture.jpg", picture, "image/jpeg")
    _send(mail)


def send_letter(message_id: str, to: str, letter: Rendered, *, unsubscribe: str) -> None:
    """Mail a letter, with its PDF where this machine can make one. Raises `Failed` and `Refused`."""
    built = build_letter(message_id, to, letter, unsubscribe=unsubscribe)
    _send(_Ready(built, letter.subject, to))


def build_letter(message_id: str, to: str, letter: Rendered, *, unsubscribe: str) -> Built:
    """Return the mail: the text, or the HTML with its pictures, and the PDF beside them."""
    built = _WithLines()
    built["Subject"] = " ".join(letter.subject.split())
    built["From"], built["To"], built["Date"] = settings.DEFAULT_FROM_EMAIL, to, formatdate(localtime=False)
    built["Message-ID"] = f"<{message_id}@headcount>"
    built["Auto-Submitted"] = "auto-generated"
    # RFC 8058: mail programs show a button that ends the letters with one request.
    built["List-Unsubscribe"] = f"<{unsubscribe}>"
    built["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    built.set_content(letter.text)
    html = letter.html
    names = [f"plot-{number}.{message_id}@headcount" for number in range(len(letter.pictures))]
    for number, name in enumerate(names):
        html = html.replace(f"cid:plot-{number}", f"cid:{name}")
    built.add_alternative(html, subtype="html")
    related = built.get_payload()[1]  # type: ignore[index]  # the HTML, after the text
    for name, picture in zip(names, letter.pictures, strict=True):
        related.add_related(picture, "image", "png", cid=f"<{name}>")  # type: ignore[union-attr]
    try:
        made = rendering.pdf(rendering.standing_alone(letter))
    except rendering.NoPdf:
        return built  # `manage.py health` says what to install.
    built.add_attachment(made, maintype="application", subtype="pdf", filename="letter.pdf")
    return built


class _WithLines(Built):
    """A message that can be written with the line ends that Django's SMTP back end asks for."""

    def as_bytes(self, unixfrom: bool = False, policy: Any = None, linesep: str = "\n") -> bytes:
        return super().as_bytes(unixfrom, (policy or self.policy).clone(linesep=linesep))


class _Ready(EmailMessage):
    """A message for Django's back ends that is built already."""

    def __init__(self, built: Built, subject: str, to: str) -> None:
        super().__init__(subject, to=[to])
        self._built = built

    def message(self, **_: Any) -> Any:
        return self._built


def _send(mail: EmailMessage) -> None:
    if settings.NOTIFY_CATCH:
        return
    if not settings.SENDS_EMAIL:
        raise Refused("This installation sends no e-mail: EMAIL_URL is not set.")
    try:
        mail.send()
    except SMTPRecipientsRefused as error:
        raise Refused(f"The mail server refused {', '.join(error.recipients)}.") from None
    except (SMTPException, OSError) as error:
        raise Failed(f"The mail server did not take it: {error}.") from None

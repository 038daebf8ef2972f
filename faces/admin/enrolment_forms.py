"""The admin's form about a person: a consent to record, and pictures to enrol."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime, ForeignKeyRawIdWidget
from django.core.files.uploadedfile import UploadedFile
from django.db.models import ForeignKey
from django.utils import timezone

from devices.intake.pictures import MAX_BYTES
from devices.models import Site
from faces.enrolment.enrolment import Portrait
from faces.models import Capture, Consent, Face, Method, Person
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import EnrolmentRefused, check_capture, check_portrait, enrol_portrait, record_consent

if TYPE_CHECKING:
    from devices.models import User

CONSENT_METHODS = [("", "---------"), *((method.value, method.label) for method in (Method.PAPER, Method.ELECTRONIC))]


class SeveralFilesInput(forms.FileInput):
    allow_multiple_selected = True


class PicturesField(forms.FileField):
    """Any number of uploaded files."""

    widget = SeveralFilesInput(attrs={"accept": "image/jpeg,image/png"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list) else [data]
        return [super(PicturesField, self).clean(file, initial) for file in files if file]


def _capture_widget() -> ForeignKeyRawIdWidget:
    """Looks a capture up in the admin's own list, with the pictures before one's eyes."""
    field = Face._meta.get_field("capture")
    assert isinstance(field, ForeignKey)  # noqa: S101 - for the type checker
    return ForeignKeyRawIdWidget(field.remote_field, admin.site)


class PersonForm(forms.ModelForm[Person]):
    """A person, optionally with a consent to record and pictures to enrol."""

    user: "User"
    """Who fills it in; the admin sets it."""

    pictures = PicturesField(
        required=False,
        help_text="JPEG or PNG, each with this one face, from the front. They are not kept, only what recognises the "
        "face. Three or so, in different light, are better than one.",
    )
    capture = forms.ModelChoiceField(
        queryset=Capture.objects.none(),
        required=False,
        widget=_capture_widget(),
        help_text="Or what a camera of the site has taken: look it up.",
    )
    face = forms.IntegerField(
        required=False,
        min_value=1,
        help_text="Which face of the capture, counted from the left, where it shows several.",
    )
    consent_text = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text="What was agreed to, word by word."
    )
    consent_version = forms.CharField(required=False, max_length=40, help_text="The text's version.")
    consent_method = forms.ChoiceField(required=False, choices=CONSENT_METHODS)
    consent_signed_by = forms.CharField(required=False, max_length=120)
    consent_signed_at = forms.SplitDateTimeField(required=False, widget=AdminSplitDateTime())
    consent_expires_at = forms.SplitDateTimeField(
        required=False, widget=AdminSplitDateTime(), help_text="The face may be used until then."
    )

    class Meta:
        model = Person
        fields = ["site", "name", "line"]

    consent_fields = (
        "consent_text",
        "consent_version",
        "consent_method",
        "consent_signed_by",
        "consent_signed_at",
        "consent_expires_at",
    )

    enrolment_fields = ("pictures", "capture", "face")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._portraits: list[Portrait] = []
        captures: Any = self.fields["capture"]
        captures.queryset = Capture.objects.all().for_user(self.user).select_related("device__site")

    def clean(self) -> dict[str, Any]:
        super().clean()
        now = timezone.now()
        self._check_consent(now)
        if self._wants_to_enrol() and not self.errors:
            self._check_pictures(now)
        return self.cleaned_data

    def enrol(self, person: Person) -> None:
        """Record the consent and enrol the faces that came with the form. Raises as `faces.services.enrol`."""
        consent = self._record_consent(person) if self._has_consent() else self._consent_in_force(timezone.now())
        if consent is not None:
            for portrait in self._portraits:
                enrol_portrait(person=person, consent=consent, portrait=portrait)

    def _wants_to_enrol(self) -> bool:
        return bool(self.cleaned_data.get("pictures") or self.cleaned_data.get("capture"))

    def _has_consent(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.consent_fields)

    def _check_consent(self, now: dt.datetime) -> None:
        needed = self._wants_to_enrol() and self._consent_in_force(now) is None
        if not (needed or self._has_consent()):
            return
        for name in self.consent_fields:
            if not self.cleaned_data.get(name) and name not in self.errors:
                why = "No face is enrolled without a recorded consent" if needed else "A consent needs this"
                self.add_error(name, f"{why}; fill this in.")
        signed, expires = self.cleaned_data.get("consent_signed_at"), self.cleaned_data.get("consent_expires_at")
        if signed and signed > now:
            self.add_error("consent_signed_at", "This lies in the future; a consent is recorded once it was given.")
        if expires and expires <= now:
            self.add_error("consent_expires_at", "This has passed; the consent would not be in force.")

    def _check_pictures(self, now: dt.datetime) -> None:
        person = self.instance if self.instance.pk else None
        site: Site = person.site if person else self.cleaned_data["site"]
        for file in self.cleaned_data.get("pictures") or []:
            try:
                self._portraits.append(check_portrait(site=site, jpeg=_content(file), person=person, now=now))
            except (EnrolmentRefused, RecogniserUnavailable) as error:
                self.add_error("pictures", f"{file.name}: {error}")
        capture, number = self.cleaned_data.get("capture"), self.cleaned_data.get("face")
        if capture is not None:
            try:
                self._portraits.append(check_capture(site=site, capture=capture, number=number, person=person, now=now))
            except (EnrolmentRefused, RecogniserUnavailable) as error:
                self.add_error("capture", str(error))

    def _consent_in_force(self, now: dt.datetime) -> Consent | None:
        if not self.instance.pk:
            return None
        consent: Consent | None = Consent.objects.filter(person=self.instance).valid(now).first()
        return consent

    def _record_consent(self, person: Person) -> Consent:
        given = self.cleaned_data
        return record_consent(
            person=person,
            text=given["consent_text"],
            text_version=given["consent_version"],
            method=given["consent_method"],
            signed_by=given["consent_signed_by"],
            signed_at=given["consent_signed_at"],
            expires_at=given["consent_expires_at"],
        )


def _content(file: UploadedFile[bytes]) -> bytes:
    file.seek(0)
    return bytes(file.read(MAX_BYTES + 1))  # one byte too many is enough to be refused

"""The admin's form for a person: details, a consent to record, and pictures to enrol."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime, ForeignKeyRawIdWidget
from django.core.files.uploadedfile import UploadedFile
from django.db.models import ForeignKey
from django.utils import timezone

from devices.models import Site
from devices.reading.pictures import MAX_BYTES
from faces.enrolment.enrolment import Portrait
from faces.enrolment.portraits import WHY_SEVERAL
from faces.models import MOST_TERM, Capture, Consent, Face, Method, Person
from faces.people.naming import check_naming
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import EnrolmentRefused, check_capture, check_portrait, enrol_portrait, record_consent

if TYPE_CHECKING:
    from devices.models import User

CONSENT_METHODS = [("", "---------"), *((method.value, method.label) for method in (Method.PAPER, Method.ELECTRONIC))]


class SeveralFilesInput(forms.FileInput):
    allow_multiple_selected = True


class PicturesField(forms.FileField):
    """Any number of uploaded files."""

    widget = SeveralFilesInput(attrs={"accept": "image/jpeg,image/png,image/heic,.heic,.heif"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list) else [data]
        return [super(PicturesField, self).clean(file, initial) for file in files if file]


def _capture_widget() -> ForeignKeyRawIdWidget:
    """Return a widget that selects a capture from the admin's list, which shows the pictures."""
    field = Face._meta.get_field("capture")
    assert isinstance(field, ForeignKey)  # noqa: S101 - for the type checker
    return ForeignKeyRawIdWidget(field.remote_field, admin.site)


class PersonForm(forms.ModelForm[Person]):
    """A person, optionally with a consent to record and pictures to enrol."""

    user: "User"
    """The user who submits the form; set by the admin."""

    pictures = PicturesField(
        required=False,
        help_text="JPEG, PNG or HEIC, each with only this face, from the front. The pictures are not stored, only the "
        f"data that recognises the face. {WHY_SEVERAL}",
    )
    capture = forms.ModelChoiceField(
        queryset=Capture.objects.none(),
        required=False,
        widget=_capture_widget(),
        help_text="Alternatively, a capture of a camera of the site.",
    )
    face = forms.IntegerField(
        required=False,
        min_value=1,
        help_text="The number of the face, counted from the left, if the capture shows several faces.",
    )
    consent_text = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="The text that was agreed to, word for word.",
    )
    consent_version = forms.CharField(required=False, max_length=40, help_text="The version of the text.")
    consent_method = forms.ChoiceField(required=False, choices=CONSENT_METHODS)
    consent_signed_by = forms.CharField(required=False, max_length=120)
    consent_signed_at = forms.SplitDateTimeField(required=False, widget=AdminSplitDateTime())
    consent_expires_at = forms.SplitDateTimeField(
        required=False, widget=AdminSplitDateTime(), help_text="The faces may be used until this time."
    )

    class Meta:
        model = Person
        fields = ["site", "name", "line", "external_id", "profile", "email"]
        widgets = {"profile": forms.Textarea(attrs={"rows": 3})}

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
        self._check_name(now)
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

    def _check_name(self, now: dt.datetime) -> None:
        """A guest is named only with a consent of their own, which may come with the form."""
        if self.instance.pk and "name" in self.cleaned_data and not self._has_consent():
            try:
                check_naming(person=self.instance, name=self.cleaned_data["name"], now=now)
            except forms.ValidationError as error:
                self.add_error(None, error)

    def _check_consent(self, now: dt.datetime) -> None:
        needed = self._wants_to_enrol() and self._consent_in_force(now) is None
        if not (needed or self._has_consent()):
            return
        for name in self.consent_fields:
            if not self.cleaned_data.get(name) and name not in self.errors:
                why = "A face is enrolled only with a recorded consent" if needed else "A consent needs this"
                self.add_error(name, f"{why}; fill this in.")
        signed, expires = self.cleaned_data.get("consent_signed_at"), self.cleaned_data.get("consent_expires_at")
        if signed and signed > now:
            self.add_error("consent_signed_at", "This time is in the future; record a consent after it was given.")
        if expires and expires <= now:
            self.add_error("consent_expires_at", "This time has passed; the consent would not be in force.")
        if signed and expires and expires - signed > MOST_TERM:
            self.add_error("consent_expires_at", f"A consent lasts three years at most, {MOST_TERM.days} days.")

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
        values = self.cleaned_data
        return record_consent(
            person=person,
            text=values["consent_text"],
            text_version=values["consent_version"],
            method=values["consent_method"],
            signed_by=values["consent_signed_by"],
            signed_at=values["consent_signed_at"],
            expires_at=values["consent_expires_at"],
        )


def _content(file: UploadedFile[bytes]) -> bytes:
    file.seek(0)
    return bytes(file.read(MAX_BYTES + 1))  # one byte more than allowed, so that a larger file is refused

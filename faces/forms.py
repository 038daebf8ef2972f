"""The admin's forms about people: each turns a service's refusal into a sentence beside the field."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import QuerySet
from django.utils import timezone

from devices.pictures import MAX_BYTES
from faces.models import Coffee, Consent, Merge, Method, Mode, Person, SitePolicy
from faces.recogniser import RecogniserUnavailable
from faces.services import EnrolmentRefused, MergeRefused, PolicyRefused, check_portrait, enrol, record_consent
from faces.services.coffees import check_restorable
from faces.services.merging import check_merge
from faces.services.policies import check_policy

if TYPE_CHECKING:
    from devices.models import User


CONSENT_METHODS = [("", "---------"), *((method.value, method.label) for method in (Method.PAPER, Method.ELECTRONIC))]


class PersonForm(forms.ModelForm[Person]):
    """A person, optionally with a consent to record and a picture to enrol."""

    picture = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png"}),
        help_text="JPEG or PNG with this one face, from the front. It is not kept, only what recognises the face.",
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

    def clean(self) -> dict[str, Any]:
        super().clean()
        now = timezone.now()
        self._check_consent(now)
        if self.cleaned_data.get("picture") and not self.errors:
            self._check_picture(now)
        return self.cleaned_data

    def enrol(self, person: Person) -> None:
        """Record the consent and enrol the face that came with the form. Raises as `faces.services.enrol`."""
        consent = self._record_consent(person) if self._has_consent() else self._consent_in_force(timezone.now())
        if self.cleaned_data.get("picture") and consent is not None:
            enrol(person=person, consent=consent, jpeg=self._jpeg())

    def _has_consent(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.consent_fields)

    def _check_consent(self, now: dt.datetime) -> None:
        needed = self.cleaned_data.get("picture") and self._consent_in_force(now) is None
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

    def _check_picture(self, now: dt.datetime) -> None:
        person = self.instance if self.instance.pk else None
        site = person.site if person else self.cleaned_data["site"]
        try:
            check_portrait(site=site, jpeg=self._jpeg(), person=person, now=now)
        except (EnrolmentRefused, RecogniserUnavailable) as error:
            self.add_error("picture", str(error))

    def _jpeg(self) -> bytes:
        picture = self.cleaned_data["picture"]
        picture.seek(0)
        return bytes(picture.read(MAX_BYTES + 1))  # one byte too many is enough to be refused

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


class PolicyForm(forms.ModelForm[SitePolicy]):
    """What a site does with faces, confirmed by whoever fills it in."""

    user: "User"
    """Who fills it in; the admin sets it."""

    confirmed = forms.BooleanField(
        required=False,
        label="I own this site and decide this",
        help_text="Needed for anything but “off”; your name and the time are recorded.",
    )

    class Meta:
        model = SitePolicy
        fields = ["site", "mode", "picture_hours", "unmatched_hours"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        site = self.instance.site if self.instance.pk else self.cleaned_data.get("site")
        mode = self.cleaned_data.get("mode")
        if site is None or mode is None:
            return self.cleaned_data
        if mode != Mode.OFF and not self.cleaned_data["confirmed"]:
            self.add_error("confirmed", "Recognition needs the owner's confirmation.")
        try:
            check_policy(site=site, mode=Mode(mode), confirmed_by=self.user)
        except PolicyRefused as error:
            self.add_error("mode", str(error))
        return self.cleaned_data


class MergeForm(forms.ModelForm[Merge]):
    """Two records of one person."""

    people: QuerySet[Person]
    """Who may be merged; the admin sets it."""

    other = forms.ModelChoiceField(
        Person.objects.none(), label="Who", help_text="This record goes; everything of it follows to the other."
    )

    class Meta:
        model = Merge
        fields = ["person"]
        labels = {"person": "is"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "other" in self.fields:
            self.fields["other"].queryset = self.people  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        super().clean()
        other, into = self.cleaned_data.get("other"), self.cleaned_data.get("person")
        if other and into:
            try:
                check_merge(other=other, into=into)
            except MergeRefused as error:
                self.add_error("other", str(error))
        return self.cleaned_data


class ReviewForm(forms.ModelForm[Coffee]):
    """Whether a coffee counts, and why that was decided."""

    class Meta:
        model = Coffee
        fields = ["voided", "review_reason"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        if "voided" in self.changed_data and "review_reason" not in self.changed_data:
            self.add_error("review_reason", "Say why in a few words; the reason is kept with the coffee.")
        if "voided" in self.changed_data and not self.cleaned_data["voided"]:
            try:
                check_restorable(self.instance)
            except ValueError as error:
                self.add_error("voided", str(error))
        return self.cleaned_data

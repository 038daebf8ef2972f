"""The admin's forms about people: each turns a service's refusal into a sentence beside the field."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet

from faces.coffees.counting import REASON_NEEDED, check_restorable
from faces.models import Coffee, Merge, Mode, Person, SitePolicy
from faces.people.merging import check_merge
from faces.people.policies import check_policy
from faces.services import MergeRefused, PolicyRefused

if TYPE_CHECKING:
    from devices.models import User


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
            self.add_error("review_reason", REASON_NEEDED)
        if "voided" in self.changed_data and not self.cleaned_data["voided"]:
            try:
                check_restorable(self.instance)
            except ValueError as error:
                self.add_error("voided", str(error))
        return self.cleaned_data

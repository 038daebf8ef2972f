"""The form of a site's policy, on the site's own page and in the admin."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms

from faces.models import Capture, Mode, Person, SitePolicy
from faces.people.policies import TERMS, PolicyRefused, check_policy

if TYPE_CHECKING:
    from devices.models import Site, User


class PolicyForm(forms.ModelForm[SitePolicy]):
    """The policy of a site, confirmed by the user who submits the form."""

    user: "User"
    """The user who submits the form; set by the view."""

    confirmed = forms.BooleanField(
        required=False,
        label="I own this site and confirm this policy",
        help_text="Required unless the mode is “off”. Your name and the time are recorded.",
    )

    class Meta:
        model = SitePolicy
        fields = ["site", "mode", *TERMS]

    def clean(self) -> dict[str, Any]:
        super().clean()
        site = self.instance.site if self.instance.pk else self.cleaned_data.get("site")
        mode = self.cleaned_data.get("mode")
        if site is None or mode is None:
            return self.cleaned_data
        if mode != Mode.OFF and not self.cleaned_data["confirmed"]:
            self.add_error("confirmed", "Recognition needs the confirmation of an owner.")
        try:
            check_policy(site=site, mode=Mode(mode), confirmed_by=self.user)
        except PolicyRefused as error:
            self.add_error("mode", str(error))
        return self.cleaned_data


class SitePolicyForm(PolicyForm):
    """The policy of the site of its instance."""

    class Meta(PolicyForm.Meta):
        fields = ["mode", *TERMS]
        widgets = {"mode": forms.RadioSelect}

    def tell(self, before: SitePolicy, now: dt.datetime) -> list[str]:
        """Return what the valid form will change from the policy before, in sentences."""
        values, site = self.cleaned_data, before.site
        return [*_of_mode(site, before.mode, values["mode"]), *_of_terms(before, values, now)]


def _of_mode(site: "Site", before: str, after: str) -> list[str]:
    sentences = []
    match Mode(after):
        case Mode.OFF:
            sentences.append(f"Nobody is recognised at {site} from now on. Faces are only counted.")
        case Mode.ENROLLED:
            sentences.append(f"People with a recorded consent are recognised and greeted at {site}; strangers are not.")
        case Mode.EVERYONE:
            sentences.append(f"Every stranger at {site} gets a guest profile and is recognised when they come again.")
            sentences.append("Your confirmation is recorded with your name and the time.")
    if before == Mode.EVERYONE and after != Mode.EVERYONE:
        guests = Person.objects.filter(site=site, guest_number__isnull=False).count()
        sentences.append(f"The face data of {guests:,} guests are deleted now. Their coffees stay counted.")
    return sentences


def _of_terms(before: SitePolicy, values: dict[str, Any], now: dt.datetime) -> list[str]:
    pictures = Capture.objects.filter(device__site=before.site).exclude(image="")
    after = SitePolicy(mode=values["mode"], picture_hours=values["picture_hours"])
    term = after.kept_hours
    sentences = []
    if term < before.kept_hours or values["unmatched_hours"] < before.unmatched_hours:
        old = pictures.filter(received_at__lte=now - dt.timedelta(hours=term)).count()
        sentences.append(
            f"Within the hour, {old:,} pictures that are older than {term:,} hours are deleted for ever. Later ones "
            f"are deleted after {term:,} hours, and strangers’ faces after {values['unmatched_hours']:,} hours. "
            "Counts stay."
        )
    if values["unseen_days"] < before.unseen_days:
        sentences.append(
            f"People whom no camera has seen for {values['unseen_days']:,} days are announced tonight and erased a "
            "week later."
        )
    return sentences

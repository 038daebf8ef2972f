"""The forms of the consent desk."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from devices.models import Site
from devices.rules.text import clean_line, validate_line
from faces.enrolment.drafts import Details
from faces.models import ConsentTemplate, Method, Person
from faces.people import signatures
from faces.people.consent_texts import PROPOSAL
from faces.people.desk_links import MOST_USES


class PersonForm(forms.ModelForm[Person]):
    """What is entered about a person."""

    class Meta:
        model = Person
        fields = ["name", "line", "external_id", "profile", "email"]
        widgets = {"profile": forms.Textarea(attrs={"rows": 3})}
        labels = {"line": "Line in the greeting", "email": "E-mail address"}
        help_texts = {
            "external_id": "Such as a number of staff; only “a” to “z”, digits, “_”, “.”, “-” and “:”.",
            "email": "Told before the consent ends, and before an erasure because no camera has seen the person.",
        }

    def details(self) -> Details:
        """Return the values of the valid form."""
        return Details(**{name: self.cleaned_data[name] for name in PersonForm.Meta.fields})


class EnrolmentForm(PersonForm):
    """Who is enrolled, what they agree to, and their signature, typed or drawn."""

    template = forms.ModelChoiceField(
        ConsentTemplate.objects.none(), label="Consent text", widget=forms.RadioSelect, empty_label=None
    )
    signed_by = forms.CharField(
        label="Signature",
        required=False,
        max_length=120,
        validators=[validate_line],
        help_text="Type your name, or draw your signature below.",
    )
    strokes = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, site: Site, texts: Sequence[ConsentTemplate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.site = site
        field: Any = self.fields["template"]
        field.queryset = ConsentTemplate.objects.filter(pk__in=[text.pk for text in texts])
        if len(texts) == 1:
            field.initial = texts[0].pk

    def clean_strokes(self) -> list[list[int]]:
        return signatures.parse(self.cleaned_data["strokes"])

    def clean(self) -> dict[str, Any]:
        super().clean()
        strokes = self.cleaned_data.get("strokes") or []
        typed = clean_line(self.cleaned_data.get("signed_by") or "")
        template = self.cleaned_data.get("template")
        if template is not None and not typed and signatures.is_empty(strokes):
            on_paper = template.method == Method.PAPER
            sentence = "Enter who has signed the paper." if on_paper else "Sign: type the name, or draw the signature."
            self.add_error("signed_by", sentence)
        self.cleaned_data["signed_by"] = typed or self.cleaned_data.get("name") or ""
        return self.cleaned_data

    def show_errors(self, error: ValidationError) -> None:
        """Show what a service has refused beside its fields."""
        by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, sentences in by_field.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


class ConsentTextForm(forms.ModelForm[ConsentTemplate]):
    """A consent text to publish."""

    class Meta:
        model = ConsentTemplate
        fields = ["name", "purpose", "text", "method", "term_days"]
        widgets = {"text": forms.Textarea(attrs={"rows": 10}), "purpose": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "instance" not in kwargs:
            kwargs.setdefault("initial", PROPOSAL)
        super().__init__(*args, **kwargs)


class LinkForm(forms.Form):
    """A link by which people enrol themselves."""

    template = forms.ModelChoiceField(ConsentTemplate.objects.none(), label="Consent text", empty_label=None)
    uses = forms.IntegerField(label="For how many people", initial=10, min_value=1, max_value=MOST_USES)

    def __init__(self, *args: Any, texts: Sequence[ConsentTemplate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["template"]
        field.queryset = ConsentTemplate.objects.filter(pk__in=[text.pk for text in texts])


class CodeForm(forms.Form):
    """The code of a link, as somebody types it."""

    code = forms.CharField(max_length=40, label="Code", help_text="Twelve letters and digits, such as 7K2M-9QRT-W4XB.")

"""The admin's form for reviews. It shows a service's refusal beside the field."""

from typing import Any

from django import forms

from faces.coffees.counting import REASON_NEEDED, check_restorable
from faces.models import Coffee


class ReviewForm(forms.ModelForm[Coffee]):
    """The review of a coffee: whether it counts, and the reason."""

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

"""The forms of data sets."""

from django import forms

from learning.models import DataSet


class DataSetForm(forms.ModelForm[DataSet]):
    """What people may set of a data set."""

    class Meta:
        model = DataSet
        fields = ["name", "licence", "consent", "split_by", "validation_share", "split_seed"]
        labels = {
            "consent": "Consent of the people in the pictures",
            "split_by": "Split by",
            "validation_share": "Share to evaluate with",
            "split_seed": "Number of the split",
        }
        widgets = {"validation_share": forms.NumberInput({"step": "0.05"})}

"""Links that show one page of numbers to people without an account."""

from django.conf import settings
from django.db import models

from devices.models import Site
from devices.rules.text import LineField
from devices.storage.querysets import SiteScopedQuerySet


class SharedPage(models.Model):
    """A link that shows the numbers of one site, or of one spot of it, over one period, and nothing else."""

    name = LineField(max_length=80, help_text="Who gets the link, such as “The landlord”.")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    device_name = models.SlugField(max_length=80, blank=True, help_text="The spot; empty for the whole site.")
    parameters = models.JSONField(
        default=dict, blank=True, help_text="The period and the label, as a page's address has them."
    )
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, editable=False, help_text="When the link was last opened, to the hour.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name

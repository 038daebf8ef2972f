"""What the notice of a display says of pictures that are kept for training."""

from collections.abc import Iterator

from devices.models import Site
from devices.rules.terms import days
from faces.notices.statements import KEEPS, Statement
from learning.models import TrainingPolicy


def training_statements(site: Site) -> Iterator[Statement]:
    """Yield a statement where the site's owner has decided to keep pictures for training."""
    policy = TrainingPolicy.objects.filter(site=site, is_on=True).first()
    if policy is not None:
        yield Statement(
            KEEPS,
            "training",
            f"Some pictures are kept for {days(policy.keep_days)}, so that the camera learns to tell gestures apart. "
            "Members of the site look at them to correct mistakes.",
            policy.keep_days * 24,
        )

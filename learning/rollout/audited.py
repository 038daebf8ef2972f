"""The models of this app whose changes are recorded in the audit."""

from devices.audit.recording import Audited, audit
from learning.models import DataSet, Rollout, TrainingPolicy


def audit_models() -> None:
    """Record the changes of data sets, and which camera runs which model."""
    audit(
        DataSet,
        Audited(
            "data set",
            ["name", "split_by", "validation_share"],
            hidden=["licence", "consent"],  # may name people, and the audit is never changed
            site=lambda data_set: data_set.site_id,
            label=lambda data_set: data_set.name,
        ),
    )
    audit(
        TrainingPolicy,
        Audited(
            "pictures for training",
            ["is_on", "keep_days", "from_cameras", "every", "megabytes", "data_set_id"],
            site=lambda policy: policy.site_id,
        ),
    )
    audit(
        Rollout,
        Audited(
            "model on a camera",
            ["device_id", "run_id", "since", "until"],
            site=lambda rollout: rollout.device.site_id,
            label=lambda rollout: str(rollout),
        ),
    )

from django.db import migrations, models

from analytics.migrations import _keys


class Migration(migrations.Migration):
    """The short part: several people may show the same gesture at the same time."""

    dependencies = [("analytics", "0024_gestures_of_visits_are_indexed")]

    operations = [
        migrations.RemoveConstraint("episode", "one_episode_at_a_time"),
        _keys.AddReadyConstraint(
            "episode",
            models.UniqueConstraint(
                fields=("device", "label", "started", "visit"), name="one_episode_of_a_visit_at_a_time"
            ),
            purpose="visits",
        ),
        _keys.AddReadyIndex(
            "episode",
            models.Index(
                condition=models.Q(("visit", ""), _negated=True),
                fields=["device", "visit", "label", "started"],
                name="episodes_of_visits",
            ),
        ),
        migrations.RemoveConstraint("reportedgesture", "one_reported_gesture_once"),
        _keys.AddReadyConstraint(
            "reportedgesture",
            models.UniqueConstraint(
                fields=("device", "began_at", "label", "visit"), name="one_reported_gesture_of_a_visit_once"
            ),
            purpose="visits",
        ),
    ]

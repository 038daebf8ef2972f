import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import devices.storage.constraints
import devices.models


KEPT = (
    *("clock_timezone", "bucket", "bucket_prefix"),
    *("desired_config", "config_unsent_since", "token_digest", "created_at"),
)


def make_things(apps, schema_editor):
    """Make a thing of each device, with the device's key, so that the states of devices are those of the things."""
    Device, Thing = apps.get_model("devices", "Device"), apps.get_model("devices", "Thing")
    Thing.objects.bulk_create(
        Thing(pk=device.pk, name=device.thing_name, **{name: getattr(device, name) for name in KEPT})
        for device in Device.objects.all()
    )
    # `auto_now_add` has written the present time.
    for device in Device.objects.all():
        Thing.objects.filter(pk=device.pk).update(created_at=device.created_at)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "SELECT setval(pg_get_serial_sequence('devices_thing', 'id'), max(id)) FROM devices_thing HAVING count(*) > 0"
        )


def give_back(apps, schema_editor):
    """Give each device what its thing has. An installation in which a device has moved cannot go back."""
    Device, Thing = apps.get_model("devices", "Device"), apps.get_model("devices", "Thing")
    for thing in Thing.objects.all():
        values = {name: getattr(thing, name) for name in KEPT}
        Device.objects.filter(thing_name=thing.name).update(**values)


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0016_pictures_in_quarantine"),
    ]

    operations = [
        migrations.CreateModel(
            name="Thing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="The device's name at the broker, such as deeplens_HoVip9KQTXiC3UFub47lJA.",
                        max_length=128,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9:_-]+\\Z", "Letters, digits, “:”, “_” and “-” only."
                            )
                        ],
                        verbose_name="thing name",
                    ),
                ),
                (
                    "clock_timezone",
                    models.CharField(
                        default="UTC",
                        help_text=(
                            "Time zone of the time stamps that a DeepLens writes: UTC, unless somebody changed it on the"
                            " device."
                        ),
                        max_length=64,
                        validators=[devices.models.validate_timezone],
                        verbose_name="clock's time zone",
                    ),
                ),
                (
                    "bucket",
                    models.CharField(
                        blank=True,
                        help_text=(
                            "The bucket into which the device puts its pictures. Pictures elsewhere are not the device's."
                        ),
                        max_length=63,
                    ),
                ),
                (
                    "bucket_prefix",
                    models.CharField(
                        blank=True,
                        help_text=(
                            "How the keys of the device's pictures begin, such as seattle01/. Of several devices whose"
                            " prefix fits, the one with the longest prefix has the picture."
                        ),
                        max_length=512,
                        verbose_name="prefix in the bucket",
                    ),
                ),
                (
                    "desired_config",
                    models.JSONField(
                        default=dict,
                        editable=False,
                        help_text="Settings that the device shall use. It keeps its own value of every other setting.",
                    ),
                ),
                (
                    "config_unsent_since",
                    models.DateTimeField(
                        editable=False,
                        help_text="Since when the desired settings wait to be sent to the broker.",
                        null=True,
                    ),
                ),
                ("token_digest", models.CharField(blank=True, db_index=True, editable=False, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RunPython(make_things, give_back),
        migrations.RemoveConstraint(model_name="device", name="one_device_per_site_and_name"),
        migrations.AlterField("device", "thing_name", models.CharField(max_length=128, db_column="thing_name")),
        migrations.RenameField("device", "thing_name", "thing"),
        migrations.AlterField(
            "device",
            "thing",
            models.ForeignKey(
                db_column="thing_name",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="devices",
                to="devices.thing",
                to_field="name",
            ),
        ),
        migrations.RenameField("devicestate", "device", "thing"),
        migrations.AlterField(
            "devicestate",
            "thing",
            models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="state",
                serialize=False,
                to="devices.thing",
            ),
        ),
        migrations.AddField(
            "devicestate",
            "largest_skew_ms",
            models.BigIntegerField(
                default=0, help_text="The most by which the device's clock was ever seen to be off, in milliseconds."
            ),
        ),
        migrations.RunSQL(
            "UPDATE devices_devicestate SET largest_skew_ms = abs(clock_skew_ms) WHERE clock_skew_ms IS NOT NULL",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveConstraint("pastrecord", "one_past_record_once"),
        migrations.RenameField("pastrecord", "device", "thing"),
        migrations.AlterField(
            "pastrecord",
            "thing",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="devices.thing"
            ),
        ),
        migrations.AddConstraint(
            "pastrecord", models.UniqueConstraint(fields=("thing", "key"), name="one_past_record_once")
        ),
        *(migrations.RemoveField("device", name) for name in KEPT),
        migrations.AddField(
            "device",
            "since",
            models.DateTimeField(
                blank=True, help_text="When the camera came to this place. Empty: before its first message.", null=True
            ),
        ),
        migrations.AddField(
            "device",
            "until",
            models.DateTimeField(
                blank=True, help_text="When the camera left this place. Empty: it is still there.", null=True
            ),
        ),
        migrations.AddField(
            "device",
            "faces_sought",
            models.BooleanField(
                blank=True,
                help_text="Unknown until a message of the device shows it.",
                null=True,
                verbose_name="looks for faces",
            ),
        ),
        migrations.AddField(
            "device",
            "labels_sought",
            models.JSONField(
                blank=True,
                default=list,
                help_text="Labels of objects and gestures.",
                verbose_name="labels that the device looks for",
            ),
        ),
        migrations.AddField(
            "device",
            "sought_is_corrected",
            models.BooleanField(
                default=False,
                help_text="Whether somebody corrected what the device looks for; messages then change it no more.",
                verbose_name="corrected by hand",
            ),
        ),
        migrations.AlterField(
            "device",
            "name",
            models.SlugField(
                help_text="The name of the camera's spot, such as Seattle01; unique at its site.", max_length=80
            ),
        ),
        migrations.AlterModelOptions(
            "device", {"ordering": ["site__name", "name", models.F("until").desc(nulls_first=True)]}
        ),
        migrations.AddConstraint(
            "device",
            models.CheckConstraint(
                condition=models.Q(("since__lt", models.F("until"))),
                name="a_device_comes_before_it_leaves",
                violation_error_message="A device must come to a place before it leaves the place.",
            ),
        ),
        migrations.AddConstraint(
            "device",
            devices.storage.constraints.OneAtATime(
                of=["thing"],
                start="since",
                end="until",
                name="one_place_of_a_thing_at_a_time",
                violation_error_message="This thing is registered at another place in this time.",
            ),
        ),
        migrations.AddConstraint(
            "device",
            devices.storage.constraints.OneAtATime(
                of=["site", "name"],
                start="since",
                end="until",
                name="one_thing_of_a_place_at_a_time",
                violation_error_message="The site has another device of this name in this time.",
            ),
        ),
        migrations.AlterField(
            "quarantinedmessage",
            "reason",
            models.CharField(
                choices=[
                    ("unknown-topic", "no device publishes on this topic"),
                    ("unknown-device", "no device is registered under this thing name"),
                    ("other-device", "the payload names another device than the topic"),
                    ("too-large", "larger than a message may be"),
                    ("unreadable", "the payload cannot be read"),
                    ("bad-value", "a value is out of its range"),
                    ("bad-picture", "the picture is not a usable JPEG"),
                    ("too-old", "older than the retention period"),
                    ("in-future", "more than an hour in the future"),
                    ("no-place", "the device was registered at no place at the time"),
                    ("refused", "the message could not be written to the database"),
                ],
                max_length=20,
            ),
        ),
    ]

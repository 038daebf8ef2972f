from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0019_audit"),
    ]

    operations = [
        migrations.AddField(
            model_name="devicestate",
            name="picture_problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("dark", "the light is off, or something covers the lens"),
                    ("covered", "the picture has one tone only: something covers the lens"),
                    ("blurred", "less sharp than usual: clean the lens, or focus it"),
                    ("turned", "another view than usual: the camera was turned or moved"),
                ],
                db_default="",
                help_text="What is wrong with the camera's picture, from the device's latest status.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="devicestate",
            name="picture_problem_since",
            field=models.DateTimeField(help_text="By the device's clock.", null=True),
        ),
    ]

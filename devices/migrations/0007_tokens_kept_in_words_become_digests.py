import hashlib

from django.db import migrations


def carry_over(apps, schema_editor):
    """Tokens that were kept in words until now go on working; only their digests stay."""
    if "authtoken_token" not in schema_editor.connection.introspection.table_names():
        return
    ApiToken = apps.get_model("devices", "ApiToken")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT key, user_id FROM authtoken_token")
        kept = cursor.fetchall()
        cursor.execute("DROP TABLE authtoken_token")
    ApiToken.objects.bulk_create(
        ApiToken(user_id=user, name="Earlier token", token_digest=hashlib.sha256(key.encode()).hexdigest())
        for key, user in kept
    )


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0006_api_tokens"),
    ]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]

"""What the tables of this app and of Django's own apps keep about people, and the places that belong to no app."""

from devices.kept.register import Place, Table, register_kept

USERS = "a user's account, not a person before a camera"
WITH_ACCOUNT = "With the account."


def register_devices() -> None:
    register_kept(*_sites(), *_messages(), *_accounts(), *_django(), *_places())


def _sites() -> list[Table]:
    return [
        Table("devices.Site", other=("name", "slug", "timezone", "address")),
        Table("devices.Membership", "which user has which role", WITH_ACCOUNT),
        Table(
            "devices.Invitation",
            "the address of somebody who is invited as a user",
            "When it is accepted or expires.",
            other=("email", "token_digest"),
        ),
        Table("devices.ApiToken", USERS, WITH_ACCOUNT, other=("name", "token_digest")),
        Table(
            "devices.AuditEntry",
            "the numbers of people and users in what was done, no names and no pictures",
            "After AUDIT_RETENTION_DAYS. An erasure keeps it, as the proof of what was done.",
            other=("subject", "number", "label", "changes", "once"),
        ),
        Table(
            "devices.Thing",
            other=(
                *("name", "clock_timezone", "former_timezones", "bucket", "bucket_prefix"),
                *("desired_config", "token_digest"),
            ),
        ),
        Table("devices.Device", other=("name", "labels_sought")),
        Table(
            "devices.DeviceState",
            other=("software", "reported_config", "reported_models", "config_error", "instances"),
        ),
        Table("devices.CameraClaim", other=("handle", "source")),
        Table("devices.BrokerCredentials", other=("issuer", "identity")),
        Table(
            "devices.BoxReport",
            "the latest view of a camera that is being set up, whoever is in it",
            "After a quarter of an hour; an erasure deletes the views of the site.",
            names=("trouble",),
            other=("version", "view"),
            site="thing__devices__site",
        ),
        Table("devices.AgentRelease", other=("version", "file_name", "sha256", "wheel")),
        Table("devices.Rollout"),
        Table("devices.AgentUpdate", other=("failure",)),
    ]


def _messages() -> list[Table]:
    return [
        Table(
            "devices.DeviceLog",
            "lines of a device's own log, which may name people",
            "After LOG_RETENTION_DAYS; an erasure replaces the name.",
            names=("text",),
            site="device__site",
        ),
        Table(
            "devices.QuarantinedMessage",
            "messages that could not be counted, and their pictures",
            "Pictures after the term of strangers' faces. An erasure deletes the site's messages with pictures, and "
            "every message that names the person.",
            deleted=("payload",),
            names=("detail",),
            other=("topic",),
            site="device__site",
        ),
        Table("devices.FormerIdentity"),
        Table("devices.Heartbeat", other=("process", "numbers")),
        Table("devices.RetainedMessage", other=("client",)),
        Table("devices.DeliveredBatch", other=("client", "deliveries")),
        Table("devices.PastRecord"),
    ]


def _accounts() -> list[Table]:
    return [
        Table(
            "auth.User",
            USERS,
            "When it is deleted.",
            other=("password", "username", "first_name", "last_name", "email"),
        ),
        Table("auth.Permission", other=("name", "codename")),
        Table("auth.Group", other=("name",)),
        Table("auth.Group_permissions"),
        Table("auth.User_groups"),
        Table("auth.User_user_permissions"),
        Table("account.EmailAddress", USERS, WITH_ACCOUNT, other=("email",)),
        Table("account.EmailConfirmation", USERS, WITH_ACCOUNT, other=("key",)),
        Table("mfa.Authenticator", USERS, WITH_ACCOUNT, other=("data",)),
        Table(
            "socialaccount.SocialApp",
            other=("provider", "provider_id", "name", "client_id", "secret", "key", "settings"),
        ),
        Table("socialaccount.SocialAccount", USERS, WITH_ACCOUNT, other=("provider", "uid", "extra_data")),
        Table("socialaccount.SocialToken", USERS, WITH_ACCOUNT, other=("token", "token_secret")),
        Table("usersessions.UserSession", USERS, WITH_ACCOUNT, other=("ip", "session_key", "user_agent", "data")),
        Table("sessions.Session", USERS, "When it expires.", other=("session_key", "session_data")),
    ]


def _django() -> list[Table]:
    tasks = ("id", "name", "func", "hook", "group", "cluster")
    return [
        Table("contenttypes.ContentType", other=("app_label", "model")),
        Table(
            "admin.LogEntry",
            "the names of objects that were changed in the admin",
            "An erasure replaces the name.",
            names=("object_repr", "change_message"),
            other=("object_id",),
        ),
        Table(
            "django_q.Task",
            "the results of tasks; that of a failed one may quote a name",
            "The latest 100 are kept; an erasure deletes each that names the person.",
            deleted=("args", "kwargs", "result"),
            other=tasks,
        ),
        # Django's views of the same table.
        Table("django_q.Success", other=(*tasks, "args", "kwargs", "result")),
        Table("django_q.Failure", other=(*tasks, "args", "kwargs", "result")),
        Table(
            "django_q.Schedule",
            other=("name", "func", "hook", "args", "kwargs", "cron", "task", "cluster", "intended_date_kwarg"),
        ),
        Table("django_q.OrmQ", other=("key", "payload")),  # names of functions and keys of rows
    ]


def _places() -> list[Place]:
    return [
        Place(
            "the cache (django_cache, or Redis)",
            "parts of pages, such as the leaderboard with its names",
            "After twenty seconds; an erasure empties the cache.",
        ),
        Place(
            "the logs of the platform's processes, and of nginx",
            "no names and no addresses of pages: people stand there by their numbers, requests by their routes",
            "As the machine's journal is set.",
        ),
        Place(
            "the log of a camera box",
            "no names: a greeting is logged without the name",
            "As the box's journal is set.",
        ),
        Place(
            "the outbox of a camera box",
            "pictures and messages that are not delivered yet",
            "With the platform's receipt. A picture that comes after an erasure shows nobody who is known.",
        ),
        Place(
            "the broker",
            "messages on their way, among them greetings with names; none is retained",
            "When they are delivered, or the broker's session expires.",
        ),
        Place(
            "browsers of members",
            "pictures that a member has looked at",
            "After ten minutes at most.",
        ),
    ]

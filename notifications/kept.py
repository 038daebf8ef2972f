"""What the tables of this app keep about people."""

from devices.kept.register import Place, Table, register_kept


def register_notifications() -> None:
    register_kept(
        Table("notifications.Channel", other=("name", "secrets", "shown", "problem")),
        Table("notifications.Rule_channels"),
        Table("notifications.Rule_escalate_to"),
        Table(
            "notifications.Rule",
            "texts that members have written, which may name somebody",
            "An erasure replaces the name.",
            names=("texts",),
            other=("device_name", "label", "quiet_days"),
            site="site",
        ),
        Table(
            "notifications.Happening",
            "the number of a person who had a coffee, and questions, which may name somebody",
            "After 90 days; an erasure empties the number and replaces the name.",
            numbers=("person",),
            names=("details",),
            other=("key", "label"),
            site="site",
        ),
        Table(
            "notifications.Notice",
            "what members were told, such as who had a coffee",
            "After 90 days; an erasure replaces the texts of the site's notices about people.",
            names=("subject", "text", "problem"),
            site="rule__site",
        ),
        Table(
            "notifications.Letter",
            "the question of a week, which may name somebody; otherwise numbers",
            "After three years; an erasure replaces the name.",
            names=("content",),
            site="site",
        ),
        Table(
            "notifications.Reader",
            "the e-mail addresses of those who read letters",
            "When they end the letters; an erasure deletes an address in which the name stands.",
            deleted=("address",),
            site="site",
        ),
        Table("notifications.Copy", other=("problem",)),
        Place(
            "e-mails, chats and webhooks",
            "what members were told, such as who had a coffee, and pictures where an owner wants that",
            "Beyond Headcount's reach once sent; what waits is not sent any more.",
        ),
    )

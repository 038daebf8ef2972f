"""What the tables and folders of pictures and people keep about people."""

from devices.kept.register import Place, Table, register_kept

CLEARED = "With the person."


def register_faces() -> None:
    register_kept(*_pictures(), *_people(), *_places())


def _pictures() -> list[Table]:
    return [
        Table("faces.SitePolicy", other=("contact",)),
        Table(
            "faces.Capture",
            "pictures of people, what was seen in them, and the address of the original",
            "After the site's term. An erasure deletes each picture in which the person was recognised or from which "
            "they were enrolled, and each of the site that was not recognised yet, with its original.",
            own=("image", "looks", "source_url"),
            names=("reason",),
            other=("claimed_faces", "area"),
            site="device__site",
        ),
        Table(
            "faces.Annotation",
            "boxes that somebody has drawn on a picture, and the name of their file",
            "With the capture; an erasure replaces the name.",
            names=("boxes", "source"),
            site="capture__device__site",
        ),
        Table(
            "faces.Sighting",
            "whose face was in a picture",
            "The person is removed from it; the face stays counted.",
            other=("box",),
            site="capture__device__site",
        ),
        Table(
            "faces.Coffee",
            "who had a coffee, and why it was reviewed",
            "The person is removed from it, and the reason replaced; the coffee stays counted.",
            names=("review_reason",),
            site="device__site",
        ),
        Table("faces.UntoldSighting"),
        Table("faces.DisplayNotice", other=("code", "content")),
        Table("faces.FeelingsConfirmation", other=("jurisdiction",)),
        Table(
            "faces.ExpressionQuarter",
            "how many faces had which expression in a quarter hour with at least five people, nobody's in particular",
            "When an owner ends it; with fewer people, an hour after the quarter hour.",
            other=("counts",),
        ),
        Table(
            "faces.UnclaimedFace",
            "a mark of a stranger's face at the recogniser",
            "After an hour, with the face.",
            other=("note", "provider", "collection"),
        ),
        Table("faces.CoffeeTally", "how many coffees a person had", "The person is removed from it."),
        Table("faces.GalleryChange"),
        Table("faces.RecogniserMonth", other=("provider",)),
    ]


def _people() -> list[Table]:
    return [
        Table(
            "faces.Person",
            "name, line, profile, external id and address of a person",
            "Erased on demand, and when the site's term without being seen is over.",
            own=("name", "line", "external_id", "profile", "email"),
            site="site",
        ),
        Table(
            "faces.Consent",
            "what a person agreed to, and who signed, with the drawn signature",
            CLEARED,
            own=("text", "signed_by", "strokes"),
            other=("text_version", "text_sha256"),
            site="person__site",
        ),
        Table("faces.ConsentTemplate", other=("name", "purpose", "text")),
        Table(
            "faces.DeskLink",
            "that a person was given a link to their own page",
            "With the person, or after 30 days.",
            other=("code_digest",),
            site="site",
        ),
        Table(
            "faces.EnrolmentDraft",
            "that somebody is being enrolled",
            "When they are enrolled, with the person, or after a day.",
            site="site",
        ),
        Table(
            "faces.EnrolmentPhoto",
            "the photographs of somebody who is being enrolled",
            "When they are enrolled, with the person, or after a day; an erasure deletes those that match the person.",
            other=("jpeg", "sha256", "refused"),
            site="draft__site",
        ),
        Table(
            "faces.Face",
            "the measurements of a person's face",
            "With the person, or when the consent ends.",
            other=("provider", "provider_id", "embedding", "picture_sha256"),
            site="consent__person__site",
        ),
        Table(
            "faces.Merge",
            "the name and the description of a row that was merged into a person",
            CLEARED,
            own=("other_name", "other_line", "other_details"),
            other=("moved", "taken_over", "voided"),
            site="site",
        ),
        Table(
            "faces.ErasureNotice",
            "that a person will be erased, and when",
            CLEARED,
            names=("problem",),
            site="person__site",
        ),
        Table(
            "faces.Erasure",
            "the receipt of an erasure: a number, counts and hashes",
            "It stays, as the proof. It holds no name.",
            names=("reason",),
            other=("counts", "digests"),
            site="site",
        ),
    ]


def _places() -> list[Place]:
    return [
        Place(
            "pictures of captures",
            "the pictures of faces.Capture",
            "With the capture's picture. In a bucket that keeps versions, all versions are deleted.",
            folder="captures",
        ),
        Place(
            "originals in a bucket",
            "what cameras have put into their own bucket",
            "With the capture's picture, all versions of it.",
        ),
        Place(
            "taken/ in a watched folder",
            "pictures that were taken in",
            "After a day, or with the capture's picture.",
        ),
        Place(
            "refused/ in a watched folder",
            "pictures that were refused",
            "After a day; and when somebody at the site is erased, at the next look at the folder.",
        ),
        Place(
            "the collection of Amazon Rekognition",
            "the measurements of faces",
            "With the faces. Its list is read to prove it.",
        ),
        Place(
            "back-ups",
            "everything of the day on which they were made",
            "An erasure cannot reach them. After a restore, "
            "the erasures that came after the back-up are carried out again; delete back-ups when their term is over.",
        ),
        Place("messages of the SNS topic", "names, coffees and times", "Beyond Headcount's reach once delivered."),
    ]

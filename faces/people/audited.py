"""The models of people, and of what they agreed to, whose changes are recorded in the audit."""

from devices.audit.recording import Audited, audit, who_acts
from faces.models import (
    Consent,
    ConsentTemplate,
    DeskLink,
    Erasure,
    FeelingsConfirmation,
    Merge,
    Method,
    Person,
    SitePolicy,
)
from faces.people.policies import TERMS


def audit_models() -> None:
    """Record the changes of policies, people, consents and their texts, desk links, merges and erasures.

    Of a person only the fact is recorded that a name or address changed. The platform itself makes guests and their
    consents, and no entry tells of that.
    """
    audit(
        SitePolicy,
        Audited("policy", ["mode", "confirmed_by_id", "confirmed_at", *TERMS], site=lambda policy: policy.site_id),
    )
    audit(
        Person,
        Audited(
            "person",
            [],
            hidden=["name", "line", "external_id", "profile", "email"],
            site=lambda person: person.site_id,
            unless=lambda person: person.guest_number is not None and who_acts()[0] is None,
        ),
    )
    audit(
        Consent,
        Audited(
            "consent",
            ["person_id", "text_version", "method", "signed_at", "expires_at", "withdrawn_at"],
            site=lambda consent: consent.person.site_id,
            unless=lambda consent: consent.method == Method.OWNER and who_acts()[0] is None,
        ),
    )
    audit(
        ConsentTemplate,
        Audited(
            "consent text",
            ["name", "number", "purpose", "method", "term_days", "retired_at"],
            site=lambda text: text.site_id,
            label=str,
        ),
    )
    audit(DeskLink, Audited("link", ["person_id", "template_id", "expires_at"], site=lambda link: link.site_id))
    audit(
        FeelingsConfirmation,
        Audited(
            "expressions",
            ["jurisdiction", "confirmed_by_id", "confirmed_at"],
            site=lambda confirmed: confirmed.site_id,
        ),
    )
    audit(Merge, Audited("merge", ["person_id", "undone_at"], site=lambda merge: merge.site_id))
    audit(Erasure, Audited("erasure", [], site=lambda erasure: erasure.site_id))

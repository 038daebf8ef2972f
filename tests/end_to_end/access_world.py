"""Rows of every kind at one site, for the walk of the routes in test_access.py."""

import datetime as dt
from typing import Any

from django.contrib.auth.models import User

from analytics.features.galaxy.serving.services import create_wall_token
from analytics.features.groundtruth.services import start_session
from analytics.features.questions import services as questions
from analytics.models import (
    Detection,
    Episode,
    OpeningException,
    OpeningPlan,
    Review,
    SharedPage,
    Verdict,
    Visit,
)
from analytics.models.quarters import quarter_start
from devices.cameras.releases.rollouts import start_rollout
from devices.cameras.releases.wheel import current_release
from devices.managing.members import services as members
from devices.models import AuditEntry, DeviceLog, Membership, QuarantinedMessage
from faces.models import Capture, Coffee, ErasureNotice, Person
from faces.people.consent_texts import PROPOSAL, publish_text
from faces.people.desk_links import make_link
from faces.people.feelings import confirm_feelings
from faces.people.merging import merge_people
from faces.services import create_person, forget
from learning.models import Kind, Rollout, Run
from notifications.letters import services as letters
from tests import clock
from tests.faces.conftest import agree
from tests.learning import samples
from tests.notifications.samples import made_letter, sent_notice
from tests.plays import samples as plays
from tests.world import api_world, places


def fill(owner: User) -> dict[str, Any]:
    """Rows of every kind at Seattle, and the arguments of the routes that lead to them."""
    now = clock.now()
    keys = api_world.fill()
    device = places.seattle01()
    site = device.site
    question = questions.ask(
        site=site,
        text="Is it warm?",
        asked_from=quarter_start(now) + dt.timedelta(hours=1),
        asked_until=quarter_start(now) + dt.timedelta(hours=2),
        by=owner,
    )
    session = start_session(device=device, by=owner, people=1, now=now)
    detection = Detection.objects.filter(frame__device=device).first()
    assert detection is not None
    review = Review.objects.create(detection=detection, reviewer=owner, verdict=Verdict.values[0], at=now)
    eve, eva = (create_person(site=site, name=name) for name in ("Eve", "Eva"))
    merge = merge_people(other=eve, into=eva, by=owner)
    erasure = forget(person=create_person(site=site, name="Mallory"), by=owner)
    invitation, token = members.invite(site=site, role="viewer", email="", by=owner, now=now)
    release = current_release()
    line = DeviceLog.objects.create(device=device, at=now, key=1, received_at=now, text="a line")
    plan, closed = OpeningPlan.objects.create(site=site), OpeningException.objects.create(site=site, date=now.date())
    data_set = samples.data_set(site=site)
    picture = samples.picture(data_set, 1, boxes=[("fist", 1, 1, 9, 9)])
    run = Run.objects.create(data_set=data_set, number=1, kind=Kind.GESTURE)
    notice = sent_notice(device)
    experiment = plays.experiment(device)
    text = publish_text(site=site, by=owner, now=now, method="electronic", term_days=9, **PROPOSAL)
    desk_link, _ = make_link(site=site, by=owner, now=now, template=text)
    letter = made_letter(site)
    reader = letters.add_reader(site=site, unit="week", address="reader@example.com", by=owner)
    objects: dict[str, Any] = {
        "play": plays.one_play(device),
        "screen": experiment.screen,
        "site-screen": experiment.screen,
        "content": experiment.arms.get(number=0).content,
        "experiment": experiment,
        "site-consent-text-retire": text,
        "consent-text": text,
        "consent": agree(eva),
        "desk-link": desk_link,
        "erasure-notice": ErasureNotice.objects.create(person=eva, last_seen_at=now, noticed_at=now, erase_at=now),
        "display-notice-of": device,
        "expressions": confirm_feelings(
            site=site, jurisdiction="WA", nobody_at_work_or_school=True, notice_is_public=True, by=owner, now=now
        ),
        "site-enrolling-link-revoke": desk_link,
        "site-person": Person.objects.filter(site=site, name="Ada").get(),
        "site-merge": merge,
        "site-capture": Capture.objects.filter(device=device).first(),
        "site-coffee": Coffee.objects.filter(device=device, person__isnull=False).first(),
        "site-letter-reader": reader,
        "letter-reader": reader,
        "site-letter": letter,
        "letter": letter,
        "site-channel": notice.channel,
        "site-rule": notice.rule,
        "site-notice": notice,
        "channel": notice.channel,
        "notice-rule": notice.rule,
        "notice": notice,
        "data-set": data_set,
        "dataset": data_set,
        "picture-file": picture,
        "training-picture": picture,
        "annotate-save": picture,
        "annotate-proposals": picture,
        "annotate": data_set,
        "run": run,
        "model-rollout": Rollout.objects.create(device=device, run=run, since=now),
        "training-run": run,
        "question": question,
        "ground-truth": session,
        "detection": detection,
        "review": review,
        "merge": merge,
        "erasure": erasure,
        "receipt": erasure,
        "erase-person": Person.objects.filter(site=site, name="Ada").get(),
        "log": line,
        "episode": Episode.objects.filter(device=device).first(),
        "visit": Visit.objects.create(
            device=device, began_at=now, key="v", dwell_ms=2_000, attention_ms=1_000, ended=True
        ),
        "device": device,
        "person": Person.objects.filter(site=site, name="Ada").get(),
        "coffee": Coffee.objects.filter(device=device, person__isnull=False).first(),
        "capture": Capture.objects.filter(device=device).first(),
        "quarantined": QuarantinedMessage.objects.filter(device=device).first(),
        "shared-page-detail": SharedPage.objects.create(
            name="Neighbour", site=site, token_digest="e", created_at=now, expires_at=now + dt.timedelta(days=7)
        ),
        "shared-page-revoke": SharedPage.objects.create(
            name="Landlord", site=site, token_digest="d", created_at=now, expires_at=now + dt.timedelta(days=7)
        ),
        "wall-token": create_wall_token(name="Door", sites=[site], by=owner)[0],
        "wall-delete": create_wall_token(name="Window", sites=[site], by=owner)[0],
        "site-wall-revoke": create_wall_token(name="Lobby", sites=[site], by=owner)[0],
        "site-opening-plan": plan,
        "opening-plan": plan,
        "site-opening-day": closed,
        "opening-exception": closed,
        "audit": AuditEntry.objects.filter(site=site).first(),
        "member": Membership.objects.get(site=site, user__username="fuzzed"),
        "rollout": start_rollout(things=[device.thing], version=release.version, by=owner, now=now),
        "quarantine": QuarantinedMessage.objects.filter(device=device).first(),
        "withdraw-invitation": invitation,
        "change-member": Membership.objects.get(site=site, user__username="fuzzed"),
    }
    assert not [name for name, row in objects.items() if row is None]
    return {"keys": keys, "site": site, "device": device, "token": token, "wheel": release, "objects": objects}

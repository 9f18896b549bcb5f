"""A link opens one thing for one person, until it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from escort.access import links
from escort.access.models import Link, Purpose
from escort.errors import NotFound

NOW = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)


def test_a_link_stands_for_its_person(session: Session) -> None:
    token = links.issue_link(session, subject="volunteer:12", purpose=Purpose.VOLUNTEER, now=NOW)

    link = links.resolve(session, token=token, purpose=Purpose.VOLUNTEER, now=NOW)

    assert link.subject == "volunteer:12"


def test_the_store_keeps_no_token(session: Session) -> None:
    token = links.issue_link(session, subject="volunteer:12", purpose=Purpose.VOLUNTEER, now=NOW)

    kept = session.exec(select(Link)).one()

    assert token not in str(kept.model_dump())


def test_a_token_holds_letters_and_digits_only_and_128_bits(session: Session) -> None:
    token = links.issue_link(session, subject="volunteer:12", purpose=Purpose.VOLUNTEER, now=NOW)

    assert token.isalnum()
    assert token.isascii()
    assert 62 ** len(token) > 2**128


def test_older_links_go_on_working(session: Session) -> None:
    first = links.issue_link(session, subject="guardian:3", purpose=Purpose.FAMILY, now=NOW)
    second = links.issue_link(session, subject="guardian:3", purpose=Purpose.FAMILY, now=NOW)

    assert first != second
    assert links.resolve(session, token=first, purpose=Purpose.FAMILY, now=NOW).subject == "guardian:3"


@pytest.mark.parametrize(
    ("token_of", "purpose", "later"),
    [
        ("own", Purpose.FAMILY, timedelta()),  # another purpose
        ("own", Purpose.VOLUNTEER, links.GOOD_FOR),  # over, to the second
        ("another", Purpose.VOLUNTEER, timedelta()),  # never issued
        ("own", Purpose.SETUP, timedelta()),  # the greatest purpose of all
    ],
)
def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(
    session: Session, token_of: str, purpose: Purpose, later: timedelta
) -> None:
    token = links.issue_link(session, subject="volunteer:12", purpose=Purpose.VOLUNTEER, now=NOW)
    shown = token if token_of == "own" else "x" * 22

    with pytest.raises(NotFound) as refused:
        links.resolve(session, token=shown, purpose=purpose, now=NOW + later)

    assert refused.value.sentence == links.OVER


def test_revoking_ends_every_link_of_one_person_and_nobody_elses(session: Session) -> None:
    tokens = links.issue_links(
        session, subjects=["volunteer:12", "volunteer:13"], purpose=Purpose.VOLUNTEER, now=NOW
    )

    links.revoke_all(session, "volunteer:12", NOW)

    with pytest.raises(NotFound):
        links.resolve(session, token=tokens["volunteer:12"], purpose=Purpose.VOLUNTEER, now=NOW)
    assert links.resolve(session, token=tokens["volunteer:13"], purpose=Purpose.VOLUNTEER, now=NOW)


def test_a_link_for_one_use_is_used_once(session: Session) -> None:
    token = links.issue_link(session, subject="system", purpose=Purpose.SETUP, now=NOW)
    link = links.resolve(session, token=token, purpose=Purpose.SETUP, now=NOW)

    assert links.use_up(session, link=link, now=NOW)
    assert not links.use_up(session, link=link, now=NOW)

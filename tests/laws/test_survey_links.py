"""Whatever a survey link names, only the shop can make it, nobody can alter it, and it ends."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vefa.content.links import LinkSigner, TokenRefused
from vefa.content.survey_links import Ask, SurveyLinks

SECRET = b"a secret of tests only, long enough"
LINKS = SurveyLinks(SECRET, "https://ornek.example/vefa/")
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
NUMBERS = st.integers(0, 2**63 - 1)
ASKS = st.builds(
    Ask,
    NUMBERS,
    NUMBERS,
    st.from_regex(r"[a-z0-9]{1,12}(-[a-z0-9]{1,6})?", fullmatch=True),
    st.none() | st.integers(0, 10),
)


def token(ask: Ask, until: datetime = NOW, links: SurveyLinks = LINKS) -> str:
    return links.url(ask, until).rpartition("/")[2]


def refused(wrong: str, now: datetime = NOW, links: SurveyLinks = LINKS) -> bool:
    with pytest.raises(TokenRefused):
        links.read(wrong, now)
    return True


@settings(max_examples=60)
@given(ASKS)
def test_a_link_says_what_it_was_made_of_and_is_short(ask: Ask) -> None:
    assert LINKS.read(token(ask), NOW) == ask
    assert len(token(Ask(999_999, 9_999_999, "nps", 9))) <= 34


@settings(max_examples=60)
@given(ASKS, st.data())
def test_no_byte_of_a_link_can_be_altered(ask: Ask, data: st.DataObject) -> None:
    raw = bytearray(urlsafe_b64decode(token(ask) + "=="))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))

    assert refused(urlsafe_b64encode(raw).rstrip(b"=").decode())


@settings(max_examples=60)
@given(ASKS, ASKS)
def test_the_proof_of_one_link_does_not_hold_for_another(one: Ask, other: Ask) -> None:
    first, second = (urlsafe_b64decode(token(ask) + "==") for ask in (one, other))
    swapped = urlsafe_b64encode(first[:12] + second[12:]).rstrip(b"=").decode()

    assert one == other or refused(swapped)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_other_text_is_a_link(text: str) -> None:
    assert refused(text)


def test_a_link_is_good_through_its_last_day_and_not_after() -> None:
    made = token(Ask(7, 8, "csat", 4), NOW + timedelta(days=60))

    assert LINKS.read(made, NOW + timedelta(days=60, hours=14)).score == 4
    assert refused(made, NOW + timedelta(days=61))


def test_another_secret_and_another_kind_of_link_prove_nothing() -> None:
    assert refused(token(Ask(7, 8, "csat"), links=SurveyLinks(b"another secret, long enough", "")))
    assert refused(LinkSigner(SECRET, "").token(7, "commercial"))


def test_links_of_many_are_those_of_each() -> None:
    asks = [Ask(n, 100 - n, "nps", 10) for n in range(5)]
    many = LINKS.urls([ask.customer_id for ask in asks], [ask.send_id for ask in asks], "nps", 10, NOW)

    assert many == [LINKS.url(ask, NOW) for ask in asks]
    assert all(url.startswith("https://ornek.example/vefa/s/") for url in many)

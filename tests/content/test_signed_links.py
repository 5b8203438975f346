from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vefa.content.links import LinkKind, LinkSigner, TokenRefused, UnsubscribeClaim
from vefa.errors import SettingsError

SECRET = b"a secret of the shop, long enough"


@pytest.fixture
def signer() -> LinkSigner:
    return LinkSigner(SECRET, "https://post.ornek.example/")


@pytest.mark.parametrize("customer_id", [0, 1, 255, 256, 10**6, 2**63 - 1])
def test_a_token_tells_whom_and_what_it_was_made_for(signer: LinkSigner, customer_id: int) -> None:
    token = signer.token(customer_id, "commercial")

    assert signer.verify(token) == UnsubscribeClaim(customer_id, "commercial")


def test_a_token_is_short_and_fits_an_address(signer: LinkSigner) -> None:
    url = signer.unsubscribe_url(10**6, "commercial")

    assert url.startswith("https://post.ornek.example/u/")
    assert len(url) < 80
    assert all(letter.isalnum() or letter in "-_" for letter in url.rsplit("/", 1)[1])


def test_tokens_stay_the_same_so_that_a_repeated_message_is_the_same(signer: LinkSigner) -> None:
    assert signer.token(7, "commercial") == LinkSigner(SECRET, "https://x.example").token(7, "commercial")


def test_no_changed_letter_passes(signer: LinkSigner) -> None:
    token = signer.token(42, "commercial")
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(TokenRefused):
            signer.verify(changed)


@pytest.mark.parametrize("token", ["", "x", "ğ", "====", "A" * 40, "../../etc", "A" * 5000, "AA\n"])
def test_rubbish_is_refused_with_a_sentence(signer: LinkSigner, token: str) -> None:
    with pytest.raises(TokenRefused, match="link"):
        signer.verify(token)


def test_a_token_cut_or_made_longer_is_refused(signer: LinkSigner) -> None:
    token = signer.token(42, "commercial")
    for wrong in (token[:-1], token + "A", token + "=", " " + token, token + "\n"):
        with pytest.raises(TokenRefused):
            signer.verify(wrong)


def test_a_customer_or_purpose_cannot_be_swapped_in(signer: LinkSigner) -> None:
    mine, theirs = signer.token(1, "commercial"), signer.token(2, "commercial")
    raw_mine, raw_theirs = (urlsafe_b64decode(token + "=" * (-len(token) % 4)) for token in (mine, theirs))
    forged = urlsafe_b64encode(raw_mine[:16] + raw_theirs[16:]).rstrip(b"=").decode()

    with pytest.raises(TokenRefused):
        signer.verify(forged)


def test_a_preferences_token_does_not_unsubscribe(signer: LinkSigner) -> None:
    token = signer.preferences_url(1).rsplit("/", 1)[1]

    assert signer.verify(token, "preferences").kind == "preferences"
    with pytest.raises(TokenRefused, match="something else"):
        signer.verify(token)


def test_another_shops_secret_proves_nothing(signer: LinkSigner) -> None:
    with pytest.raises(TokenRefused):
        LinkSigner(b"another secret, long enough too", "https://x.example").verify(signer.token(1, "commercial"))


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="VEFA_SECRET_KEY"):
        LinkSigner(b"short", "https://x.example")


def test_mail_programs_get_the_one_click_headers(signer: LinkSigner) -> None:
    headers = signer.unsubscribe_headers(7, "commercial", "ayril@ornek.example")
    token = signer.token(7, "commercial")

    assert headers == {
        "List-Unsubscribe": f"<https://post.ornek.example/u/{token}>, <mailto:ayril@ornek.example?subject={token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_without_a_mailbox_there_is_the_link_alone(signer: LinkSigner) -> None:
    header = signer.unsubscribe_headers(7, "commercial")["List-Unsubscribe"]

    assert header == f"<{signer.unsubscribe_url(7, 'commercial')}>"


def test_a_mailbox_cannot_begin_another_header(signer: LinkSigner) -> None:
    with pytest.raises(SettingsError):
        signer.unsubscribe_headers(7, "commercial", "a@b.example>\r\nBcc: all@b.example")


def test_the_links_of_many_are_those_of_each(signer: LinkSigner) -> None:
    ids = [0, 1, 255, 256, 65_535, 10**6, 2**40, 2**63 - 1]

    assert signer.urls("unsubscribe", ids, "commercial") == [signer.unsubscribe_url(i, "commercial") for i in ids]
    assert signer.urls("preferences", ids, "commercial") == [signer.preferences_url(i, "commercial") for i in ids]
    assert signer.urls("unsubscribe", [], "commercial") == []


# --- links that end


def test_a_link_to_what_is_known_ends_at_its_moment(signer: LinkSigner) -> None:
    end = datetime(2026, 3, 1, 10, tzinfo=UTC)
    token = signer.data_url(7, end).removeprefix("https://post.ornek.example/d/")

    assert signer.verify(token, "data", end - timedelta(seconds=1)) == UnsubscribeClaim(7, "data", "data")
    for too_late in (end, end + timedelta(days=900), None):
        with pytest.raises(TokenRefused, match="too old"):
            signer.verify(token, "data", too_late)


def test_the_end_of_a_link_cannot_be_moved(signer: LinkSigner) -> None:
    soon, late = (datetime(year, 3, 1, tzinfo=UTC) for year in (2026, 2036))
    raws = [
        urlsafe_b64decode((token := signer.data_url(7, end).rpartition("/")[2]) + "=" * (-len(token) % 4))
        for end in (soon, late)
    ]
    forged = urlsafe_b64encode(raws[0][:16] + raws[1][16:]).rstrip(b"=").decode()

    with pytest.raises(TokenRefused, match="damaged"):
        signer.verify(forged, "data", soon)


@pytest.mark.parametrize("kind", ["unsubscribe", "preferences"])
def test_no_link_of_a_message_opens_what_is_known_and_none_the_other_way(signer: LinkSigner, kind: LinkKind) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(TokenRefused):
        signer.verify(signer.token(7, "data", kind), "data", now)
    with pytest.raises(TokenRefused):
        signer.verify(signer.data_url(7, now + timedelta(hours=1)).rpartition("/")[2], kind, now)
    # Not even one that says it is of that kind, without an end.
    with pytest.raises(TokenRefused):
        signer.verify(signer.token(7, "data", "data"), "data", now)


@given(st.text(max_size=80))
def test_no_text_makes_a_token_or_anything_but_a_refusal(text: str) -> None:
    signer, now = LinkSigner(SECRET, "https://x.example"), datetime(2026, 3, 1, tzinfo=UTC)
    for kind in ("unsubscribe", "preferences", "data"):
        with pytest.raises(TokenRefused):
            signer.verify(text, kind, now)

"""`vefa preview` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import BODY, Vefa, agrees
from vefa.engine.tables import enrolments
from vefa.ledger.tables import sends
from vefa.rewards.tables import coupons
from vefa.settings import load_settings
from vefa.store import open_store

NOW = ("--now", "2026-03-14T12:00")


def test_a_journeys_messages_are_listed_and_lie_in_a_folder_with_a_page(little_root: Path, vefa: Vefa) -> None:
    result = vefa(little_root, "preview", "delivery-thank-you", *NOW)

    assert result.exit_code == 0
    agrees("preview.txt", result.stdout.replace(str(little_root), "<shop>"))
    folder = little_root / "var" / "preview"
    assert sorted(p.name for p in (folder / "delivery-thank-you").iterdir()) == [
        f"{step}.en.{end}" for step in ("email-review", "thanks") for end in ("html", "txt")
    ]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert '<iframe loading="lazy" sandbox="" title="How was it?" src="delivery-thank-you/email-review.en.html"' in page


def test_a_real_customers_message_is_shown_and_nothing_is_written_to_the_database(
    little_shop: Path, vefa: Vefa
) -> None:
    result = vefa(little_shop, "preview", "delivery-thank-you", "thanks", "--customer", "A-1", "--json", *NOW)
    facts = json.loads(result.stdout)

    assert result.exit_code == 0
    (message,) = facts["messages"]
    assert (message["sample"], message["subject"]) == ("customer", "It is in your hands, Ayşe")
    assert "html" not in message
    engine = open_store(load_settings(little_shop))
    with engine.connect() as connection:
        counted = [connection.scalar(sa.select(sa.func.count()).select_from(t)) for t in (enrolments, sends, coupons)]
    engine.dispose()
    assert counted == [0, 0, 0]


def test_words_that_cannot_be_written_are_an_error(little_root: Path, vefa: Vefa) -> None:
    (little_root / "journeys" / "templates" / "thanks.en.mjml").write_text(BODY.format("{{ customer.name }}"), "utf-8")

    result = vefa(little_root, "preview", "delivery-thank-you", *NOW)

    assert result.exit_code == 1
    assert "delivery-thank-you > thanks (email, en)" in result.stdout
    assert "cannot be written" in result.stdout


def test_without_chromium_the_page_shows_the_messages_and_a_sentence_says_why(
    little_root: Path, vefa: Vefa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    result = vefa(little_root, "preview", "--all", *NOW)

    assert result.exit_code == 0
    assert "No Chromium is on this machine" in " ".join(result.stdout.split())
    assert "<iframe" in (little_root / "var" / "preview" / "index.html").read_text(encoding="utf-8")


def test_a_broken_journey_is_an_error_of_the_whole(little_root: Path, vefa: Vefa) -> None:
    (little_root / "journeys" / "broken.yaml").write_text("name: [", encoding="utf-8")

    result = vefa(little_root, "preview", "--all", "--no-pictures", *NOW)

    assert result.exit_code == 1
    assert "journeys/broken.yaml" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Name one journey (vefa preview birthday), or all of them"),
        (("delivery-thank-you", "--all"), "Name one journey"),
        (("--all", "--customer", "A-1"), "--all shows made-up customers"),
        (("delivery-thankyou",), 'Did you mean "delivery-thank-you"?'),
        (("delivery-thank-you", "thnks"), 'Did you mean "thanks"?'),
        (("delivery-thank-you", "--locale", "de"), '"de" is no language of the shop. There are: en.'),
        (("delivery-thank-you", "--customer", "X-9"), "There is no customer with that number or address."),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_sentence(
    little_shop: Path, vefa: Vefa, arguments: tuple[str, ...], told: str
) -> None:
    result = vefa(little_shop, "preview", *arguments)

    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())

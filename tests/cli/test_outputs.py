"""What commands print, held to files that a marketer could review."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Vefa, agrees

WALKED = datetime(2026, 3, 14, 12, tzinfo=UTC)


def test_explain_tells_the_whole_journey(walked_shop: Path, vefa: Vefa) -> None:
    result = vefa(walked_shop, "explain", "delivery-thank-you", "--now", "2026-03-14T12:00")

    assert result.exit_code == 0
    agrees("explain.txt", result.stdout)


def test_status_tells_how_journeys_stand(walked_shop: Path, vefa: Vefa) -> None:
    result = vefa(walked_shop, "status", "--now", "2026-03-14T12:00")

    assert result.exit_code == 0
    # When a journey was last looked at is the engine's own business.
    agrees("status.txt", re.sub(r"\d+ Mar 2026 \d\d:\d\d", "<looked>", result.stdout))


def test_status_for_monitoring_says_what_is_late_and_fails(walked_shop: Path, vefa: Vefa) -> None:
    right = vefa(walked_shop, "status", "--check", "--now", "2026-03-14T12:10")
    late = vefa(walked_shop, "status", "--check", "--now", "2026-03-16T12:00")

    assert (right.exit_code, late.exit_code) == (0, 1)
    agrees("status-right.txt", right.stdout)
    agrees("status-late.txt", late.stdout)


def test_status_for_monitoring_leaves_an_old_database_as_it_is(little_root: Path, vefa: Vefa) -> None:
    result = vefa(little_root, "status", "--check")

    assert result.exit_code == 1
    assert "version none" in " ".join(result.stdout.split())


def test_housekeeping_says_what_it_would_remove_and_then_does(walked_shop: Path, vefa: Vefa) -> None:
    when = ("--now", "2026-07-01T12:00")
    vefa(walked_shop, "run", *when)
    for path in (walked_shop / "var" / "outbox").rglob("*"):
        os.utime(path, (WALKED.timestamp(), WALKED.timestamp()))

    would = vefa(walked_shop, "housekeeping", "--dry-run", *when)
    done = vefa(walked_shop, "housekeeping", *when)
    again = vefa(walked_shop, "housekeeping", *when)

    agrees("housekeeping-dry-run.txt", would.stdout)
    agrees("housekeeping.txt", done.stdout)
    agrees("housekeeping-again.txt", again.stdout)


@pytest.mark.parametrize(
    ("customer", "golden"), [("A-1", "why-sent.txt"), ("bob@ornek.example", "why-held.txt"), ("C-3", "why-refused.txt")]
)
def test_why_tells_one_customers_story(walked_shop: Path, vefa: Vefa, customer: str, golden: str) -> None:
    result = vefa(walked_shop, "why", customer)

    assert result.exit_code == 0
    agrees(golden, result.stdout)


def test_run_tells_what_happened_and_why_not(little_shop: Path, vefa: Vefa) -> None:
    result = vefa(little_shop, "run", "--now", "2026-03-02T12:00", "--until", "2026-03-14T12:00", "--every", "6h")

    assert result.exit_code == 0
    agrees("run.txt", result.stdout)


def test_running_the_same_moments_again_sends_nothing(walked_shop: Path, vefa: Vefa) -> None:
    before = json.loads(vefa(walked_shop, "outbox", "--json").stdout)

    again = vefa(walked_shop, "run", "--now", "2026-03-14T12:00", "--json")

    assert sum(each["sent"] for each in json.loads(again.stdout)) == 0
    assert json.loads(vefa(walked_shop, "outbox", "--json").stdout) == before


def test_the_outbox_lists_the_newest_first_and_names_its_page(walked_shop: Path, vefa: Vefa) -> None:
    found = json.loads(vefa(walked_shop, "outbox", "--json").stdout)

    assert [(each["to"], each["step"]) for each in found] == [
        ("ayse@ornek.example", "email-review"),
        ("bob@ornek.example", "thanks"),
        ("ayse@ornek.example", "thanks"),
    ]
    page = Path(vefa(walked_shop, "outbox", "--path").stdout.strip())
    assert page == walked_shop / "var" / "outbox" / "index.html"
    assert page.exists()


def test_the_outbox_can_be_emptied(walked_shop: Path, vefa: Vefa) -> None:
    assert vefa(walked_shop, "outbox", "--clear").exit_code == 0

    assert json.loads(vefa(walked_shop, "outbox", "--json").stdout) == []
    assert vefa(walked_shop, "outbox", "--path").exit_code == 1


SHAPES = {
    ("check",): {"journeys", "broken", "errors", "warnings"},
    ("explain", "delivery-thank-you"): {
        *("journey", "name", "description", "owner", "status", "purpose", "plan", "runs", "enters", "timeline"),
        *("leaves", "goal", "policy", "whenever", "audience_now", "inside", "in_older_plans"),
    },
    ("status",): {"now", "journeys", "breakers", "unknown", "unknown_in_all", "shared_addresses", "troubles"},
    ("housekeeping",): {"returned", "unknown", "removed", "learned", "database"},
    ("why", "A-1"): {"person", "journeys"},
}


@pytest.mark.parametrize("arguments", SHAPES, ids=" ".join)
def test_json_keeps_its_shape(walked_shop: Path, vefa: Vefa, arguments: tuple[str, ...]) -> None:
    """Whoever reads these from a program relies on the keys."""
    result = vefa(walked_shop, *arguments, "--json")

    assert result.exit_code == 0
    assert set(json.loads(result.stdout)) == SHAPES[arguments]


@pytest.mark.parametrize("option", ["--fields", "--events", "--words"])
def test_check_lists_what_can_be_named(little_root: Path, vefa: Vefa, option: str) -> None:
    words = json.loads(vefa(little_root, "check", option, "--json").stdout)

    assert {"name", "type", "home", "meaning", "notes"} == set(words[0])
    assert all(word["meaning"] for word in words)
    assert vefa(little_root, "check", option).exit_code == 0

"""The harness measures what it says: sinks count everybody once, and a run that missed somebody counts for nothing."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from bench import experiments, peers
from bench.laboratory import Contestant, Laboratory, Sizes
from bench.processes import Failed, Sample, measured
from bench.report import Goal, Report
from bench.shops import make_shop
from bench.sinks import FIRST_PHONE, Kind, Sink, sink

SMALL = Sizes(200, 200, 20, 20, 5, 200, 20, 50, 1)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    laboratory = Laboratory(tmp_path, SMALL, lambda _: None)
    yield laboratory
    laboratory.close()


def mail(*numbers: int) -> bytes:
    return orjson.dumps({"personalizations": [{"custom_args": {"send_id": f"{number}.1"}} for number in numbers]})


def text(number: int) -> bytes:
    return f"To=%2B{FIRST_PHONE + number}&From=ORNEK&Body=Merhaba".encode()


def post(where: Sink, *bodies: bytes) -> list[int]:
    """One after the other through one connection; gives the answers' codes."""
    connection = http.client.HTTPConnection(urlsplit(where.url).netloc)
    codes = []
    for body in bodies:
        connection.request("POST", "/", body)
        answer = connection.getresponse()
        answer.read()
        codes.append(answer.status)
    connection.close()
    return codes


@pytest.mark.parametrize(
    ("kind", "bodies", "code"),
    [("sendgrid", (mail(1, 2, 70_000), mail(2, 3)), 202), ("twilio", tuple(map(text, (1, 2, 70_000, 2, 3))), 201)],
)
def test_a_sink_counts_everybody_and_who_came_twice(kind: Kind, bodies: tuple[bytes, ...], code: int) -> None:
    with sink(kind) as where:
        codes = post(where, *bodies)
        taken = where.taken()

    assert codes == [code] * len(bodies)
    assert (taken.requests, taken.recipients, taken.unique) == (len(bodies), 5, 4)
    assert taken.size == sum(map(len, bodies))


def test_a_sink_begins_anew_once_it_was_asked() -> None:
    with sink("sendgrid") as where:
        post(where, mail(1))
        where.taken()
        post(where, mail(1))

        assert where.taken().unique == 1


def test_a_sink_that_takes_its_time_hears_others_before_it_answers_the_first() -> None:
    with sink("sendgrid", delay=0.05) as where:
        callers = [http.client.HTTPConnection(urlsplit(where.url).netloc) for _ in range(3)]
        for number, caller in enumerate(callers):
            caller.request("POST", "/", mail(number))

        assert [caller.getresponse().status for caller in callers] == [202, 202, 202]
        assert where.taken().unique == 3
        for caller in callers:
            caller.close()


def test_two_hundred_recipients_of_the_batch_path_are_a_row(lab: Laboratory) -> None:
    vefa, bare = lab.rows(
        lab.batch(200), lab.peer("bare loop", 200, lab.mail, peers.bare_batches, lab.mail.url, lab.batch_body)
    )

    assert (vefa.recipients, bare.recipients) == (200, 200)
    assert min(vefa.wall, vefa.each, vefa.peak, vefa.sink_each) > 0
    assert bare.per_request == 200


def test_a_whole_letter_is_a_request_of_its_own(lab: Laboratory) -> None:
    (letters,) = lab.rows(lab.whole(20))

    assert letters.per_request == 1
    assert letters.size_each > 10_000


def test_sms_are_measured_beside_a_bare_loop(lab: Laboratory) -> None:
    goals, rows = experiments.sms(lab)

    assert [goal.goal for goal in goals] == ["≥ 0.45 ×"]
    assert [row.recipients for row in rows] == [20, 20, 20]


def test_a_run_that_missed_somebody_counts_for_nothing(lab: Laboratory) -> None:
    honest = lab.peer("bare loop", 20, lab.mail, peers.bare_letters, lab.mail.url, mail(1))

    with pytest.raises(Failed, match="21 were to be reached once each"):
        replace(honest, recipients=21).once()


def test_a_run_that_reached_somebody_twice_counts_for_nothing(lab: Laboratory) -> None:
    def twice() -> Sample:
        post(lab.mail, mail(1, 2), mail(2))
        return Sample(3, 1.0, 1.0)

    with pytest.raises(Failed, match="of them 2 different"):
        Contestant("a sender that repeats itself", 3, lab.mail, twice).once()


def test_what_fails_in_a_measured_process_is_told() -> None:
    with pytest.raises(Failed, match="ConnectionRefusedError"):
        measured(peers.bare_letters, "http://127.0.0.1:9", mail(1), 1)


def test_everybody_of_a_made_shop_may_be_written_to(database_url: str, tmp_path: Path) -> None:
    from bench.workers import deliver_part, queue_all

    shop = make_shop(tmp_path / "bench-shop", 50, database_url)
    with sink("sendgrid") as where:
        queued, sent = queue_all(shop, where.url), deliver_part(shop, where.url)

        assert queued.recipients == sent.recipients == where.taken().unique == 50


def test_a_goal_that_nobody_measured_is_neither_met_nor_missed(lab: Laboratory) -> None:
    report = Report()
    report.add([Goal("speed", "≥ 2 ×", "3 ×", True), Goal("more", "≥ 9 ×", "", None)], lab.rows(lab.batch(20)))

    page = report.text("python -m bench", "2026-06-01", (0.0, 0.0))

    assert "| speed | ≥ 2 × | 3 × | yes |" in page
    assert "| more | ≥ 9 × | not measured |  |" in page
    assert "| date | 2026-06-01 |" in page
    assert "| vefa, batch path, 20 | 20 | 1 |" in page


def test_a_big_shop_is_measured_against_its_goals(tmp_path: Path) -> None:
    from bench.experiments import crm

    lab = Laboratory(tmp_path, Sizes(recipients=200), lambda _: None)
    try:
        goals, _ = crm(lab)
    finally:
        lab.close()

    told = [goal.measure for goal in goals]
    assert sum("segment " in each for each in told) >= 4
    assert any("RFM" in each for each in told)
    assert any("a quarter of an hour later" in each for each in told)
    assert all(goal.met is not None for goal in goals)

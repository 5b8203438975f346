"""How fast messages may go, whoever asks: several workers, several machines, clocks that disagree."""

from __future__ import annotations

import heapq
import multiprocessing
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vefa.database import open_database, writing
from vefa.ledger.pace import APART, LONGEST_HOLD, LONGEST_WAIT, Bucket, Grant, Limit, hold, limits_of, most, take
from vefa.settings import MessagesPerSecond

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SENDER = Limit("sms:ORNEK", 10)
ALL = Limit("twilio", 25)
FREE = Limit("sendgrid", 0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def held(engine, key, until, wall=0.0):
    with writing(engine) as connection:
        hold(connection, key, at(until), at(wall))


def test_after_a_rest_a_second_s_worth_goes_at_once_and_then_as_time_passes(engine):
    granted = [take(engine, [SENDER], 500, at(seconds)).granted for seconds in (0, 0, 0.5, 1, 60, 60)]

    assert granted == [10, 0, 5, 5, 10, 0]


def test_who_is_slower_than_the_pace_never_waits(engine):
    assert [take(engine, [SENDER], 5, at(n)) for n in range(10)] == [Grant(5)] * 10


def test_the_wait_is_until_what_is_missing_or_half_a_bucket_is_there(engine):
    waits = [take(engine, [SENDER], wanted, START).wait for wanted in (500, 2, 500)]

    assert waits == pytest.approx([0.5, 0.2, 0.5])
    assert take(engine, [SENDER], 2, at(0.2)) == Grant(2)


def test_less_than_one_a_second_goes_one_by_one(engine):
    slow = Limit("sms:+15005550006", 0.25)

    assert [take(engine, [slow], 3, at(n)).granted for n in range(9)] == [1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_nobody_is_told_to_wait_for_long_without_asking_again(engine):
    slow = Limit("sms:+15005550006", 0.001)
    take(engine, [slow], 1, START)

    assert take(engine, [slow], 1, START) == Grant(0, LONGEST_WAIT)


def test_the_tightest_of_several_limits_decides_and_nothing_is_taken_in_vain(engine):
    assert take(engine, [ALL, SENDER], 500, START).granted == 10
    assert take(engine, [ALL, Limit("sms:ANOTHER", 10)], 500, START).granted == 10
    assert take(engine, [ALL, Limit("sms:THIRD", 10)], 500, START).granted == 5
    assert take(engine, [Limit("sms:THIRD", 10)], 500, START).granted == 5


def test_without_a_limit_all_may_go(engine):
    assert take(engine, [FREE], 100_000, START) == Grant(100_000)
    assert take(engine, [], 100_000, START) == Grant(100_000)
    assert take(engine, [FREE, SENDER], 100_000, START).granted == 10


@pytest.mark.parametrize("limit", [SENDER, FREE])
def test_while_the_provider_wants_quiet_nothing_goes(engine, limit):
    held(engine, limit.key, 7)

    assert take(engine, [limit, ALL], 5, at(1)) == Grant(0, 6.0)
    assert take(engine, [limit, ALL], 5, at(7)) == Grant(5)


def test_the_longest_hold_stands(engine):
    for until in (5, 9, 7):
        held(engine, FREE.key, until)

    assert take(engine, [FREE], 1, START) == Grant(0, 9.0)


def test_no_hold_is_longer_than_an_hour_nor_is_one_from_a_clock_that_was_wrong(engine):
    held(engine, FREE.key, 86_400)
    assert take(engine, [FREE], 1, START + LONGEST_HOLD) == Grant(1)

    held(engine, FREE.key, 86_400 + 60, wall=86_400)
    assert take(engine, [FREE], 1, START + LONGEST_HOLD) == Grant(1)

    held(engine, FREE.key, 3605, wall=3600)
    assert take(engine, [FREE], 1, START + LONGEST_HOLD) == Grant(0, 5.0)


def test_a_clock_that_was_set_back_stops_nobody_and_gives_nothing_away(engine):
    take(engine, [SENDER], 1, START + 2 * APART)

    assert [take(engine, [SENDER], 500, at(seconds)).granted for seconds in (0, 0.5)] == [0, 5]


def test_another_rate_in_the_settings_counts_from_then_on(engine):
    take(engine, [SENDER], 10, START)

    assert take(engine, [Limit(SENDER.key, 100)], 500, at(1)).granted == 100
    assert take(engine, [Limit(SENDER.key, 2)], 500, at(60)).granted == 2


@given(
    rate=some.sampled_from([0.3, 1, 7, 100]),
    asked=some.lists(
        some.tuples(some.integers(0, 3_000_000), some.integers(-2_000_000, 2_000_000), some.integers(1, 300)),
        min_size=1,
    ),
)
def test_no_stretch_of_time_gets_more_than_burst_and_rate(rate, asked):
    """Each ask: microseconds since the one before, how wrong the asking clock is, how many are wanted."""
    limit, now, given_away = Limit("k", rate), START, []
    bucket = Bucket("k", START, limit.burst * 1_000_000)
    for gap, wrong, wanted in asked:
        now += timedelta(microseconds=gap)
        wall = now + timedelta(microseconds=wrong)
        bucket = bucket.filled(limit, wall)
        taken = bucket.takes(limit, wanted, wall)
        bucket = bucket.without(taken)
        given_away.append((now, taken))

    differ = (max(wrong for _, wrong, _ in asked) - min(wrong for _, wrong, _ in asked)) / 1e6
    for first, (since, _) in enumerate(given_away):
        total = 0
        for until, taken in given_away[first:]:
            total += taken
            assert total <= limit.burst + rate * ((until - since).total_seconds() + differ) + 1e-6


def test_workers_who_wait_as_they_are_told_get_fair_shares_of_the_whole_pace(engine):
    dice, got = random.Random(7), Counter[int]()
    asks = [(dice.random(), worker) for worker in range(4)]
    heapq.heapify(asks)

    while (moment := asks[0][0]) < 20:
        worker = heapq.heappop(asks)[1]
        grant = take(engine, [SENDER], 100, at(moment))
        got[worker] += grant.granted
        heapq.heappush(asks, (moment + grant.wait + dice.uniform(0.01, 0.05), worker))

    assert 190 <= sum(got.values()) <= 10 + 20 * 10
    assert min(got.values()) >= 25


def _ask(url, moments, results):
    engine = open_database(url)
    results.put(sum(take(engine, [ALL, SENDER], 7, at(moment)).granted for moment in moments))
    engine.dispose()


def test_two_processes_at_once_get_no_more_than_one(database_url):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    moments = [[n / 40 + late for n in range(200)] for late in (0, 0.01)]
    processes = [context.Process(target=_ask, args=(database_url, each, results)) for each in moments]
    for process in processes:
        process.start()
    total = sum(results.get() for _ in processes)
    for process in processes:
        process.join()

    assert 0 < total <= 10 + 10 * 5


@pytest.mark.parametrize(
    ("channel", "medium", "expected"),
    [
        ("outbox", "sms", ()),
        ("sendgrid", "email", (Limit("sendgrid", 200),)),
        ("twilio", "sms", (Limit("twilio", 0), Limit("sms:ORNEK", 10))),
    ],
)
def test_the_settings_say_what_a_message_meets(channel, medium, expected):
    assert limits_of(MessagesPerSecond(email=200), channel, medium, "ORNEK") == expected


def test_no_more_is_reserved_than_can_go_in_time():
    assert most([ALL, SENDER, FREE], 500, 20) == 200
    assert most([Limit("slow", 0.01)], 500, 20) == 1
    assert most([FREE], 500, 20) == 500
    assert most([SENDER], 50, 20) == 50

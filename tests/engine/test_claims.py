"""Rules 15 to 17: what is looked at in the moment of the claim, how long a message is put off, and caps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from tests.engine.worlds import BERLIN, DAY, HOUR, MINUTE, NOON, World, email, istanbul, make_plan, wait
from vefa.channels.base import Doubtful
from vefa.crm.tables import contacts, customers
from vefa.database import writing
from vefa.engine.steps import advance
from vefa.engine.tick import Tick
from vefa.language.conditions import Compare, Duration
from vefa.plan.policy import Cap, Policy, QuietHours, Rule, Withhold
from vefa.plan.steps import FieldMoment, SameDay

NIGHT = QuietHours(time(22), time(9))
QUIET = Policy(rules=(Rule("commercial", "email", consent=True, quiet=NIGHT),))
WEEK = Duration(days=7)


SKIP, DEFER = Withhold("skip"), Withhold()


def capped(limit: int, *, then: Withhold = DEFER, within: Duration = WEEK, priority: tuple[str, ...] = ()) -> Policy:
    return Policy(caps=(Cap("weekly", limit, within, "commercial", withhold=then),), priority=priority)


def queued_one(world: World) -> Tick:
    """A walk that stands right before the delivery of one message."""
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    tick = world.begin(NOON)
    tick.enter()
    return tick


def deliver(tick: Tick) -> None:
    for step in tick.steps():
        tick.advance(step)
    tick.finish()


# --- read anew at the claim --------------------------------------------------------------------------------------


@pytest.mark.rule(16)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: world.consent(1, granted=False, at=NOON), "no email consent"),
        (lambda world: world.suppress(1, NOON), "suppressed: complained"),
        (lambda world: world.suppress(1, NOON, purpose="commercial"), "suppressed: complained"),
        (lambda world: world.spoil(1), "email address cannot be used: mailbox full"),
    ],
    ids=["consent withdrawn", "suppressed", "suppressed for this purpose", "undeliverable"],
)
def test_what_changes_between_queue_and_claim_counts(
    world: World, change: Callable[[World], None], reason: str
) -> None:
    tick = queued_one(world)
    change(world)
    deliver(tick)

    assert (world.email.got, world.send().state, world.send().reason) == ([], "skipped", reason)


@pytest.mark.rule(16)
def test_a_suppression_for_another_purpose_does_not_count(world: World) -> None:
    tick = queued_one(world)
    world.suppress(1, NOON, purpose="transactional")
    deliver(tick)

    assert len(world.email.got) == 1


@pytest.mark.rule(16)
def test_a_suppression_between_claim_and_request_stops_the_request(world: World) -> None:
    tick = queued_one(world)
    tick.before_request = lambda: world.suppress(1, NOON)
    deliver(tick)

    assert (world.email.got, world.send().state) == ([], "skipped")
    assert (world.send().reason, world.place()) == ("suppressed: complained", "rest")


@pytest.mark.rule(16)
def test_a_suppression_learned_after_the_batch_was_begun_stops_the_request(world: World) -> None:
    """The clock runs on while words are written: what is known from a later second on counts too."""
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    moments = iter(NOON + n * timedelta(seconds=1) for n in range(1000))
    tick = Tick.begin(world.shop, "thanks", clock=lambda: next(moments), owner="test", wall=lambda: NOON)
    tick.enter()
    tick.before_request = lambda: world.suppress(1, next(moments))
    deliver(tick)

    assert world.email.got == []


@pytest.mark.rule(16)
def test_consent_withdrawn_while_words_were_written_stops_the_claim(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    moments = iter(NOON + n * timedelta(seconds=1) for n in range(1000))
    tick = Tick.begin(world.shop, "thanks", clock=lambda: next(moments), owner="test", wall=lambda: NOON)
    tick.enter()
    world.consent(1, granted=False, at=NOON + 4 * timedelta(seconds=1))
    deliver(tick)

    assert (world.email.got, world.send().reason) == ([], "no email consent")


@pytest.mark.rule(16)
def test_a_pause_in_the_middle_of_a_walk_stops_the_next_claim(world: World) -> None:
    tick = queued_one(world)
    world.turn("thanks", "paused", NOON)
    deliver(tick)

    assert (world.email.got, world.send().state) == ([], "queued")


@pytest.mark.rule(16)
def test_words_are_those_of_the_moment_of_the_claim(world: World) -> None:
    tick = queued_one(world)
    world.words("note", "Yeni sözler")
    deliver(tick)

    assert "Yeni sözler" in world.email.got[0].text


@pytest.mark.rule(16)
def test_policy_is_the_policy_of_the_moment_of_the_claim(world: World) -> None:
    world.under(Policy(rules=(Rule("commercial", "email", consent=True, quiet=QuietHours(time(8), time(20))),)))
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    world.under(Policy())

    world.tick(istanbul(date(2026, 3, 10), "20:00"))

    assert world.send().state == "sent"


@pytest.mark.rule(16)
def test_unless_is_asked_at_the_claim(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", days=1), email(unless=Compare("orders.count", ">=", 2))))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    world.order(ada, NOON + HOUR)

    world.tick(NOON + DAY)

    assert [(row.state, row.reason) for row in world.sends()] == [("skipped", "unless")]


@pytest.mark.rule(16)
def test_the_preferred_channel_is_taken_and_the_other_where_consent_is_missing(world: World) -> None:
    world.deploy(make_plan(email(medium=None)))
    both = world.customer(sms=True, preferred_channel="sms")
    unwilling = world.customer(sms=True, preferred_channel="sms")
    world.consent(unwilling, channel="sms", granted=False, at=NOON - DAY)
    for number in (both, unwilling):
        world.order(number, NOON)

    world.tick(NOON)

    assert {row.customer_id: row.medium for row in world.sends()} == {both: "sms", unwilling: "email"}


@pytest.mark.rule(16)
def test_an_address_that_changes_while_words_are_written_gets_them_anew(world: World) -> None:
    tick = queued_one(world)

    def clock() -> datetime:
        if [row.state for row in world.sends()] == ["reserved"]:
            with writing(world.database) as connection:
                connection.execute(sa.update(contacts).values(address="neu@ornek.example"))
        return NOON

    tick.clock = clock
    deliver(tick)

    assert world.email.addresses == ["neu@ornek.example"]


# --- put off -----------------------------------------------------------------------------------------------------


@pytest.mark.rule(15)
def test_quiet_hours_put_a_message_off_to_their_end_on_the_customers_clock(world: World) -> None:
    world.under(QUIET)
    world.deploy(make_plan(email()))
    late = istanbul(date(2026, 3, 10), "23:00")
    world.order(world.customer("Ada"), late)
    world.order(world.customer("Can", zone=BERLIN), late)  # there it is 21:00

    report = world.tick(late)
    world.tick(istanbul(date(2026, 3, 11), "8:59"))
    before = len(world.email.got)
    world.tick(istanbul(date(2026, 3, 11), "9:00"))

    assert (report.sent, before, len(world.email.got)) == (1, 1, 2)


@pytest.mark.rule(15)
def test_a_message_put_off_expires_after_a_day(world: World) -> None:
    world.under(QUIET)
    world.deploy(make_plan(email()))
    late = istanbul(date(2026, 3, 10), "23:00")
    world.order(world.customer(), late)
    world.tick(late)

    world.tick(late + 24 * HOUR)

    assert (world.send().state, world.send().reason) == ("skipped", "expired (quiet hours)")


@pytest.mark.rule(15)
def test_drop_after_says_its_own_limit(world: World) -> None:
    hours = QuietHours(time(22), time(9), Withhold("drop_after", Duration(seconds=3 * 3600)))
    world.under(Policy(rules=(Rule("commercial", "email", consent=True, quiet=hours),)))
    world.deploy(make_plan(email()))
    world.order(world.customer("Ada"), istanbul(date(2026, 3, 11), "5:00"))
    world.order(world.customer("Can"), istanbul(date(2026, 3, 11), "7:00"))

    world.tick(istanbul(date(2026, 3, 11), "5:00"))
    world.tick(istanbul(date(2026, 3, 11), "7:00"))
    world.tick(istanbul(date(2026, 3, 11), "9:00"))

    assert [row.state for row in world.sends()] == ["skipped", "sent"]


@pytest.mark.rule(15)
def test_quiet_hours_may_skip(world: World) -> None:
    hours = QuietHours(time(22), time(9), Withhold("skip"))
    world.under(Policy(rules=(Rule("commercial", "email", consent=True, quiet=hours),)))
    world.deploy(make_plan(email()))
    late = istanbul(date(2026, 3, 10), "23:00")
    world.order(world.customer(), late)

    world.tick(late)

    assert (world.send().state, world.send().reason) == ("skipped", "quiet hours")


@pytest.mark.rule(15)
def test_what_would_come_after_its_own_end_is_dropped_at_once(world: World) -> None:
    world.under(QUIET)
    world.deploy(make_plan(email(not_after=SameDay())))
    late = istanbul(date(2026, 3, 10), "23:00")
    world.order(world.customer(), late)

    world.tick(late)

    assert (world.send().state, world.send().reason) == ("skipped", "expired (quiet hours)")


@pytest.mark.rule(15)
@pytest.mark.parametrize(("hours", "state"), [(5, "sent"), (6, "skipped")])
def test_not_after_holds_back_what_has_become_pointless(world: World, hours: int, state: str) -> None:
    end = FieldMoment("order.placed_at", Duration(seconds=5 * 3600))
    world.deploy(make_plan(email(not_after=end)))
    world.order(world.customer(), NOON, known=NOON + hours * HOUR)

    world.tick(NOON + hours * HOUR)

    assert world.send().state == state


@pytest.mark.rule(15)
def test_the_first_delay_fixes_the_end(world: World) -> None:
    world.under(QUIET)
    world.deploy(make_plan(email()))
    late = istanbul(date(2026, 3, 10), "23:00")
    world.order(world.customer(), late)
    world.tick(late)
    first = world.send().expires_at
    with writing(world.database) as connection:
        connection.execute(sa.update(customers).values(zone="America/New_York"))

    world.tick(istanbul(date(2026, 3, 11), "9:00"))

    assert (world.send().state, world.send().expires_at) == ("queued", first)


# --- caps --------------------------------------------------------------------------------------------------------


def orders_of(world: World, customer: int, *moments: datetime) -> None:
    for moment in moments:
        world.order(customer, moment)


@pytest.mark.rule(17)
@pytest.mark.parametrize(("later", "states"), [(7 * DAY - MINUTE, ["sent", "skipped"]), (7 * DAY, ["sent", "sent"])])
def test_a_cap_looks_back_over_a_rolling_window(world: World, later: timedelta, states: list[str]) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    world.order(ada, NOON + later)

    world.tick(NOON + later)

    assert [row.state for row in world.sends()] == states


@pytest.mark.rule(17)
def test_a_cap_holds_within_one_batch(world: World) -> None:
    world.under(capped(2, then=SKIP))
    world.deploy(make_plan(email()))
    orders_of(world, world.customer(), NOON, NOON + MINUTE, NOON + 2 * MINUTE)

    world.tick(NOON + HOUR)

    assert [(row.state, row.reason) for row in world.sends()] == [
        ("sent", None),
        ("sent", None),
        ("skipped", "cap: weekly"),
    ]


@pytest.mark.rule(17)
def test_a_cap_counts_over_all_journeys(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(), journey="other"))
    world.order(world.customer(), NOON)

    world.tick(NOON, "other")
    world.tick(NOON, "thanks")

    assert [row.state for row in world.sends()] == ["sent", "skipped"]


@pytest.mark.rule(17)
def test_of_two_due_messages_the_journey_that_goes_first_wins(world: World) -> None:
    world.under(capped(1, then=SKIP, priority=("important",)))
    for name in ("thanks", "important"):
        world.deploy(make_plan(wait("rest", "hello", hours=1), email(), journey=name))
    world.order(world.customer(), NOON)
    ticks = [world.begin(NOON + HOUR, name) for name in ("thanks", "important")]
    for tick in ticks:
        tick.enter()
        tick.advance(tick.steps()[0])
        advance(tick._stand(tick.steps()[1]))
    for tick in ticks:
        world.walk(tick)

    assert {row.journey_id: row.state for row in world.sends()} == {1: "skipped", 2: "sent"}


@pytest.mark.rule(17)
def test_who_lost_to_a_message_that_came_to_nothing_goes_after_all(world: World) -> None:
    world.under(capped(1, priority=("important",)))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(unless=Compare("orders.count", ">=", 1)), journey="important"))
    world.order(world.customer(), NOON)
    important = world.begin(NOON, "important")
    important.enter()
    advance(important._stand(important.steps()[0]))
    world.tick(NOON)
    held = [row.state for row in world.sends()]
    world.walk(important)

    world.tick(NOON + 15 * MINUTE)

    assert held == ["queued", "queued"]
    assert [row.state for row in world.sends()] == ["skipped", "sent"]


@pytest.mark.rule(17)
def test_two_journeys_that_claim_at_the_same_time_keep_the_cap_together(world: World) -> None:
    world.under(capped(1, then=SKIP))
    names = ("thanks", "other")
    for name in names:
        world.deploy(make_plan(email(), journey=name))
    people = [world.customer() for _ in range(12)]
    for number in people:
        world.order(number, NOON)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda name: world.tick(NOON, name), names))

    assert sum(report.sent for report in reports) == len(people)
    assert sorted(world.email.addresses) == sorted({*world.email.addresses})


@pytest.mark.rule(17)
def test_priority_reserves_nothing_for_the_future(world: World) -> None:
    world.under(capped(1, then=SKIP, priority=("important",)))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(wait("rest", "hello", hours=1), email(), journey="important"))
    world.order(world.customer(), NOON)

    world.tick(NOON, "important")
    world.tick(NOON, "thanks")
    world.tick(NOON + HOUR, "important")

    assert [row.state for row in world.sends()] == ["sent", "skipped"]


@pytest.mark.rule(17)
def test_a_capped_message_is_put_off_until_there_is_room(world: World) -> None:
    world.under(capped(1, within=Duration(seconds=3600 * 5)))
    world.deploy(make_plan(email()))
    orders_of(world, world.customer(), NOON, NOON + HOUR)
    world.tick(NOON)

    world.tick(NOON + 2 * HOUR)
    put_off = world.sends()[1].not_before
    world.tick(NOON + 5 * HOUR)

    assert put_off == NOON + 5 * HOUR
    assert [row.state for row in world.sends()] == ["sent", "sent"]


@pytest.mark.rule(17)
def test_a_capped_message_that_would_wait_longer_than_a_day_is_dropped(world: World) -> None:
    world.under(capped(1))
    world.deploy(make_plan(email()))
    orders_of(world, world.customer(), NOON, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert world.sends()[1].reason == "expired (cap: weekly)"


@pytest.mark.rule(17)
def test_a_message_in_doubt_takes_a_place(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    ada = world.customer()
    orders_of(world, ada, NOON)
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)
    orders_of(world, ada, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert [row.state for row in world.sends()] == ["unknown", "skipped"]


@pytest.mark.rule(17)
def test_a_message_that_was_surely_not_sent_takes_no_place(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    ada = world.customer()
    world.consent(ada, granted=False, at=NOON - DAY)
    world.order(ada, NOON)
    world.tick(NOON)
    world.consent(ada, granted=True, at=NOON + MINUTE)
    world.order(ada, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert [row.state for row in world.sends()] == ["skipped", "sent"]


@pytest.mark.rule(17)
def test_a_cap_on_commercial_words_lets_transactional_ones_pass(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email(next="note"), email("note", purpose="transactional"), email("more")))
    world.order(world.customer(), NOON)

    world.tick(NOON)

    assert [row.state for row in world.sends()] == ["sent", "sent"]


@pytest.mark.rule(17)
def test_one_customers_cap_is_not_anothers(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    for name in ("Ada", "Can"):
        world.order(world.customer(name), NOON)

    assert world.tick(NOON).sent == 2


@pytest.mark.rule(17)
def test_a_claim_that_another_journey_makes_meanwhile_is_counted(world: World) -> None:
    """The other journey's claim falls between our first look and our own claim."""
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(), journey="other"))
    world.order(world.customer(), NOON)
    tick = world.begin(NOON)
    tick.enter()

    def clock() -> datetime:
        if [row.state for row in world.sends()] == ["reserved"]:
            world.tick(NOON, "other")
        return NOON

    tick.clock = clock
    deliver(tick)

    assert sorted(row.state for row in world.sends()) == ["sent", "skipped"]
    assert len(world.email.got) == 1

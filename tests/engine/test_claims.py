"""Rules 15 and 16: what is looked at in the moment of the claim, and how long a message is put off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from tests.engine.worlds import BERLIN, DAY, HOUR, NOON, World, deliver, email, istanbul, make_plan, wait
from vefa.crm.tables import contacts, customers
from vefa.database import writing
from vefa.engine.tick import Tick
from vefa.language.conditions import Compare, Duration
from vefa.plan.policy import Policy, QuietHours, Rule, Withhold
from vefa.plan.steps import FieldMoment, SameDay

NIGHT = QuietHours(time(22), time(9))
QUIET = Policy(rules=(Rule("commercial", "email", consent=True, quiet=NIGHT),))


def queued_one(world: World) -> Tick:
    """A walk that stands right before the delivery of one message."""
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    tick = world.begin(NOON)
    tick.enter()
    return tick


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
def test_an_address_that_changes_before_the_claim_is_the_one_that_is_written_to(world: World) -> None:
    tick = queued_one(world)

    def clock() -> datetime:
        if world.reserved():
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

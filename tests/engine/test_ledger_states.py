"""Rule 13, and what a provider's answer does: who may write down what became of a message."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.engine.paid_orders import crash, order_paid
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.channels.base import Busy, Denied, Doubtful, Refused
from vefa.crm.tables import suppressions
from vefa.database import reading, writing
from vefa.ledger import claims, settlements
from vefa.ledger.claims import Batch, Marks, Place
from vefa.ledger.settlements import End, settle_late
from vefa.ledger.tables import batches, breakers, sends
from vefa.plan.steps import Message

LATER = NOON + 11 * MINUTE  # a lease of ten minutes has run out


def reserve(world: World, owner: str = "me", wall: object = NOON) -> Batch:
    row = world.rows(batches)[0]
    place = Place(row.journey_id, row.plan_id, row.step)
    batch = claims.reserve(world.database, sa.true(), place, owner, NOON, wall, 10)
    assert batch
    return batch


def queue_one(world: World) -> None:
    """A message that stands in the queue: its journey was stopped before the delivery."""
    from vefa.engine.steps import advance

    order_paid(world)
    tick = world.begin(NOON)
    tick.enter()
    advance(tick._stand(tick.steps()[0]))
    tick.abandon()


def claim(world: World, batch: Batch) -> dict[int, int]:
    """The attempts of what was claimed, by number."""
    with writing(world.database) as connection:
        if not claims.hold(connection, batch, NOON):
            return {}
        ids = list(connection.scalars(sa.select(sends.c.id).where(claims.unclaimed(batch))))
        return claims.claim(connection, batch, {Marks("email"): ids}, NOON)


def settle(world: World, batch: Batch, attempts: dict[int, int], state: str = "sent") -> set[int]:
    with writing(world.database) as connection:
        return settlements.settle(connection, batch, {End(state): list(attempts)}, attempts, NOON)


@pytest.mark.rule(13)
def test_a_message_goes_from_queued_over_reserved_and_claimed_to_sent(world: World) -> None:
    queue_one(world)
    seen = [(world.send().state, world.rows(batches)[0].owner)]
    batch = reserve(world)
    seen.append((world.send().state, world.rows(batches)[0].owner))
    claimed = claim(world, batch)
    seen.append((world.send().state, world.rows(batches)[0].owner))
    settle(world, batch, claimed)
    seen.append((world.send().state, world.rows(batches)[0].owner))

    assert seen == [("queued", None), ("queued", "me"), ("claimed", "me"), ("sent", "me")]


@pytest.mark.rule(13)
def test_the_claim_is_committed_before_the_request(world: World) -> None:
    order_paid(world)
    seen = []

    def look(_message: object) -> Refused:
        seen.append(world.send().state)
        return Refused("x")

    world.email.script.append(look)
    world.tick(NOON)

    assert seen == ["claimed"]


@pytest.mark.rule(13)
def test_an_expired_reservation_goes_back_into_the_queue(world: World) -> None:
    queue_one(world)
    reserve(world)

    returned, unknown = claims.recover(world.database, LATER, LATER)

    assert (returned, unknown, world.send().state) == (1, 0, "queued")


@pytest.mark.rule(13)
def test_a_reservation_whose_lease_runs_stays(world: World) -> None:
    queue_one(world)
    reserve(world)

    assert claims.recover(world.database, NOON + 9 * MINUTE, NOON + 9 * MINUTE) == (0, 0)

    assert world.rows(batches)[0].settled_at is None


@pytest.mark.rule(13)
def test_an_expired_claim_is_in_doubt_and_never_queued_again(world: World) -> None:
    order_paid(world)
    crash(world)

    world.tick(LATER)
    world.tick(NOON + 5 * HOUR)

    assert (world.send().state, world.send().reason, len(world.email.got)) == ("unknown", "interrupted", 1)


@pytest.mark.rule(13)
def test_whoever_was_taken_for_dead_settles_nothing_any_more(world: World) -> None:
    queue_one(world)
    batch = reserve(world)
    claimed = claim(world, batch)
    claims.recover(world.database, LATER, LATER)

    assert settle(world, batch, claimed) == set()
    assert world.send().state == "unknown"


@pytest.mark.rule(13)
def test_whoever_lost_the_reservation_cannot_claim(world: World) -> None:
    queue_one(world)
    mine = reserve(world, "me")
    claims.recover(world.database, LATER, LATER)
    theirs = reserve(world, "they", LATER)

    assert claim(world, mine) == {}
    assert len(claim(world, theirs)) == 1


@pytest.mark.rule(13)
def test_a_settlement_bears_the_attempt_that_it_is_about(world: World) -> None:
    queue_one(world)
    batch = reserve(world)
    ((one, attempt),) = claim(world, batch).items()

    assert settle(world, batch, {one: attempt + 1}) == set()
    assert settle(world, batch, {one: attempt}) == {one}


@pytest.mark.rule(13)
def test_a_message_in_doubt_is_settled_by_what_the_provider_tells_later(world: World) -> None:
    order_paid(world)
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)
    with writing(world.database) as connection:
        told = settle_late(connection, world.send().id, "sent", NOON + HOUR, "delivered")

    world.tick(NOON + HOUR)

    row = world.enrolment()
    assert told
    assert (world.send().state, world.place(), row.due_at) == ("sent", "rest", NOON + DAY)


@pytest.mark.rule(13)
def test_what_is_settled_is_not_settled_again(world: World) -> None:
    order_paid(world)
    world.tick(NOON)

    with writing(world.database) as connection:
        assert not settle_late(connection, world.send().id, "failed", NOON + HOUR, "bounced")


@pytest.mark.rule(14)
def test_over_the_wire_goes_the_ledgers_number_with_the_attempt(world: World) -> None:
    order_paid(world)
    world.email.script.append(Busy("429", 60))
    world.tick(NOON)
    world.tick(NOON + 2 * MINUTE)

    number = world.send().id
    assert [message.ref for message in world.email.got] == [f"{number}.1", f"{number}.2"]


@pytest.mark.rule(15)
def test_words_that_cannot_be_rendered_fail_one_message_and_no_other(world: World) -> None:
    world.words("note", "{{ customer.first_name[0] }}")
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer("Ada"), NOON)
    world.order(world.customer("Can", first_name=None), NOON)

    report = world.tick(NOON)

    assert (report.sent, report.failed) == (1, 1)


@pytest.mark.rule(15)
def test_an_address_that_never_wants_anything_again_is_suppressed(world: World) -> None:
    order_paid(world)
    world.email.script.append(Refused("bounced", suppress=True))
    world.tick(NOON)

    (row,) = world.rows(suppressions)
    assert (row.channel, row.reason, row.evidence) == ("email", "blocked", "message 1: bounced")


@pytest.mark.rule(15)
def test_a_provider_that_is_busy_gets_the_message_again_after_the_time_it_asks_for(world: World) -> None:
    order_paid(world)
    world.email.script.append(Busy("429", 600))
    world.tick(NOON)
    early = world.tick(NOON + 9 * MINUTE)
    later = world.tick(NOON + 10 * MINUTE)

    assert (early.sent, later.sent, world.history()) == (0, 1, ["released"])


@pytest.mark.rule(15)
def test_refused_keys_put_the_messages_back_and_shut_the_channel(world: World) -> None:
    world.deploy(make_plan(email()))
    world.email.batch_size = 1
    for n in range(3):
        world.order(world.customer(f"c{n}"), NOON)
    world.email.script.append(Denied("401", "bad key"))

    world.tick(NOON)
    shut = len(world.email.got)
    (breaker,) = world.rows(breakers)

    assert (breaker.channel, breaker.reason) == ("post", "401")
    assert {row.state for row in world.sends()} <= {"queued", "sent"}
    assert any(row.state == "queued" for row in world.sends())
    world.tick(NOON + 4 * MINUTE)
    assert len(world.email.got) == shut
    world.tick(NOON + 6 * MINUTE)
    assert {row.state for row in world.sends()} == {"sent"}


@pytest.mark.rule(15)
def test_two_workers_that_are_refused_at_once_may_both_say_so(world: World) -> None:
    for reason in ("401", "403"):
        with writing(world.database) as connection:
            settlements.open_breaker(connection, "post", NOON + 5 * MINUTE, reason)

    with reading(world.database) as connection:
        assert settlements.open_breakers(connection, NOON) == {"post": "403"}
        assert settlements.open_breakers(connection, NOON + 5 * MINUTE) == {}


@pytest.mark.rule(15)
def test_a_shut_channel_holds_only_its_own_messages(world: World) -> None:
    sms: Message = email("hi", medium="sms", id="hi")
    world.deploy(make_plan(email(next="hi"), sms))
    world.order(world.customer(sms=True), NOON)
    world.order(world.customer(email=False, sms=True), NOON)
    with writing(world.database) as connection:
        settlements.open_breaker(connection, "post", NOON + 5 * MINUTE, "401")

    world.tick(NOON)

    assert (len(world.email.got), len(world.sms.got)) == (0, 1)

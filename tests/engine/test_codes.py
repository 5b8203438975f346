"""Rule 18: one coupon code however often it is asked for, good from the moment it is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, istanbul, make_plan, wait
from vefa.channels.base import Busy
from vefa.crm.tables import tags
from vefa.database import writing
from vefa.language.conditions import Compare, Duration
from vefa.plan.steps import Arm, Branch, Coupon, FieldMoment, Tag
from vefa.plan.ways_in import DateTrigger
from vefa.rewards.coupons import ALPHABET, give, make_code
from vefa.rewards.tables import coupons

SECRET = b"a secret of tests only, long enough"


def gift(next: str | None = "hello", **more: object) -> Coupon:
    given: dict[str, object] = {"percent": Decimal(15), "valid": Duration(days=14)}
    return Coupon("gift", "gift", next, **(given | more))


def told(world: World) -> list[str]:
    return [message.text.strip() for message in world.email.got]


@pytest.mark.rule(18)
def test_a_code_is_written_with_its_step_and_told_in_the_message(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(), email()))
    world.order(world.customer(), NOON)
    world.tick(NOON)

    (row,) = world.rows(coupons)
    assert told(world) == [row.code]


@pytest.mark.rule(18)
def test_two_messages_tell_the_same_code(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(), email(next="rest"), wait("rest", "again", days=1), email("again")))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    world.tick(NOON + DAY)

    first, second = told(world)
    assert first == second


@pytest.mark.rule(18)
def test_a_code_that_is_asked_for_again_is_the_same(world: World) -> None:
    world.deploy(make_plan(gift(next=None)))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    (before,) = world.rows(coupons)

    with writing(world.database) as connection:
        give(connection, gift(), before.step, [(before.enrolment_id, ada, None)], NOON + HOUR, SECRET)

    assert world.rows(coupons) == [before]


@pytest.mark.rule(18)
def test_each_enrolment_has_a_code_of_its_own(world: World) -> None:
    world.deploy(make_plan(gift(next=None, prefix="BAHAR")))
    ada = world.customer()
    for minutes in range(5):
        world.order(ada, NOON + minutes * MINUTE)
    world.tick(NOON + HOUR)

    codes = {row.code for row in world.rows(coupons)}
    assert len(codes) == 5
    assert all(code.startswith("BAHAR-") for code in codes)


@pytest.mark.rule(18)
def test_a_code_that_somebody_has_already_makes_room_for_another(world: World) -> None:
    world.deploy(make_plan(gift(next=None)))
    ada = world.customer()
    for minutes in (0, 1):
        world.order(ada, NOON + minutes * MINUTE)
    world.tick(NOON)
    (first,) = world.rows(coupons)
    taken = make_code(world.shop.secret, first.enrolment_id + 1, "gift", "")
    world.insert(
        coupons, code=taken, enrolment_id=first.enrolment_id, step=999, customer_id=ada, terms={}, made_at=NOON
    )

    world.tick(NOON + HOUR)

    assert len({row.code for row in world.rows(coupons)}) == 3


@pytest.mark.rule(18)
def test_a_code_cannot_be_guessed_without_the_secret_and_reads_well() -> None:
    code = make_code(SECRET, 7, "gift", "")

    assert code != make_code(b"another secret, as long as that one", 7, "gift", "")
    assert code == make_code(SECRET, 7, "gift", "")
    assert set(code) <= set(ALPHABET) and len(code) == 8
    assert not set("0O1IL5S2Z8B") & set(ALPHABET)


@pytest.mark.rule(18)
def test_validity_counts_from_the_claim_of_the_first_message_that_tells_the_code(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    steps = (gift(next="rest"), wait("rest", "hello", days=3), email(next="more"), wait("more", "last", days=1))
    world.deploy(make_plan(*steps, email("last")))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    (before,) = world.rows(coupons)
    world.tick(NOON + 3 * DAY)
    world.tick(NOON + 4 * DAY)

    (after,) = world.rows(coupons)
    assert before.valid_from is None
    assert after.valid_from == NOON + 3 * DAY
    assert after.valid_until == datetime(2026, 3, 27, 20, 59, 59, 999_999, tzinfo=UTC)  # the end of that day


@pytest.mark.rule(18)
def test_a_message_that_does_not_tell_the_code_starts_no_validity(world: World) -> None:
    world.deploy(make_plan(gift(), email()))
    world.order(world.customer(), NOON)
    world.tick(NOON)

    (row,) = world.rows(coupons)
    assert row.valid_from is None


@pytest.mark.rule(18)
def test_what_the_customer_reads_of_its_end_is_what_the_checkout_holds(world: World) -> None:
    world.words("note", "{{ coupon.code }} {{ coupon.valid_until }}")
    world.deploy(make_plan(gift(), email()))
    world.order(world.customer(), NOON)
    world.email.script.append(Busy("429", 60))
    world.tick(NOON)
    world.tick(NOON + 2 * DAY)

    first, second = told(world)
    assert first == second


@pytest.mark.rule(18)
def test_an_end_that_the_plan_fixes_does_not_move(world: World) -> None:
    end = FieldMoment("trigger.date", Duration(days=7))
    plan = make_plan(
        gift(valid=None, valid_until=end),
        email(),
        trigger=DateTrigger("customer.birth_date", 0, time(9)),
    )
    world.deploy(plan, NOON - DAY)
    world.customer(birth_date=date(1990, 3, 10))
    world.tick(NOON)

    (row,) = world.rows(coupons)
    assert row.valid_until == istanbul(date(2026, 3, 18), "0:00") - timedelta(microseconds=1)


@pytest.mark.rule(18)
def test_a_used_code_can_be_asked_for(world: World) -> None:
    used = Compare("coupon.used", "=", value=True)
    ways = Branch("ask", "ask", "no", (Arm(used, "yes"),))
    marks = (Tag("yes", "yes", None, "y"), Tag("no", "no", None, "n"))
    world.deploy(make_plan(gift(next="rest"), wait("rest", "ask", days=1), ways, *marks))
    ada, can = world.customer("Ada"), world.customer("Can")
    for number in (ada, can):
        world.order(number, NOON)
    world.tick(NOON)
    code = next(row.code for row in world.rows(coupons) if row.customer_id == ada)
    world.order(ada, NOON + HOUR, coupon_code=code)

    world.tick(NOON + DAY)

    assert {row.customer_id: row.tag for row in world.rows(tags)} == {ada: "y", can: "n"}

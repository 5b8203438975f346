"""The step that gives points, and journeys that speak of points."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan, wait
from tests.rewards.programmes import PROGRAMME, balance, moves
from vefa.clock import stopped_at
from vefa.crm.points import point_moves, points_due
from vefa.crm.tables import orders
from vefa.database import EPOCH, reading
from vefa.engine.shop import open_shop
from vefa.engine.walks import run_narrow
from vefa.foresight.status import status
from vefa.foresight.why import why
from vefa.language.conditions import Compare, Duration, EventScope
from vefa.plan.loyalty import Programme
from vefa.plan.plans import Exits, Whenever
from vefa.plan.project import loyalty_rests
from vefa.plan.steps import Arm, Branch, Points, Trial, Variant
from vefa.plan.ways_in import EventTrigger
from vefa.rewards.ledger_check import check_ledger

REVIEWED = EventTrigger("review.posted", "review")
GIFT = Points("gift", "gift", None, 50, "review")


FILE = "starts: 2026-01-01\nexpire: {after: 1 year}\n"


def under_programme(world: World, programme: Programme | None = PROGRAMME) -> None:
    """From now on the shop has this programme; None: that of its file."""
    channels: Any = {"email": world.email, "sms": world.sms}
    policy = world.shop.policy
    world.shop = open_shop(world.settings, database=world.database, channels=channels, policy=policy, loyalty=programme)


def under_file(world: World, text: str) -> None:
    """From now on the shop's file says that."""
    file = world.settings.root / "config" / "loyalty.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    under_programme(world, None)


@pytest.fixture
def loyal(world: World) -> World:
    """The world with a loyalty programme."""
    under_programme(world)
    return world


def test_points_are_given_once_for_each_enrolment_and_step(loyal: World) -> None:
    ada = loyal.customer()
    loyal.deploy(make_plan(GIFT, trigger=REVIEWED))
    for number in (1, 2):
        loyal.happen("review.posted", ada, NOON + number * HOUR, object_kind="review", object_id=number)

    for day in (1, 2):
        loyal.tick(NOON + day * DAY)

    assert moves(loyal, ada) == [("grant", 50), ("grant", 50)]
    assert {row.rule for row in loyal.rows(point_moves)} == {"review"}
    with reading(loyal.database) as connection:
        told = why(connection, loyal.enrolments()[0] and "Ada-1")
        assert [(each.step, each.points) for each in told.journeys[0].stories[0].points] == [("gift", 50)]
        assert check_ledger(connection).faults == ()


def test_a_step_repeated_after_a_crash_gives_nothing_twice(loyal: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = loyal.customer()
    loyal.deploy(make_plan(GIFT, trigger=REVIEWED))
    loyal.happen("review.posted", ada, NOON + HOUR)

    def dies(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vefa.engine.stands.move_on", dies)
        with pytest.raises(KeyboardInterrupt):
            loyal.tick(NOON + DAY)
    before = balance(loyal, ada)
    loyal.tick(NOON + DAY + HOUR)

    assert (before, balance(loyal, ada)) == (0, 50)


def test_while_the_file_holds_mistakes_nobody_gets_points_and_all_get_them_once_it_is_mended(world: World) -> None:
    """Points given by half a rule would never run out."""
    ada = world.customer()
    world.deploy(make_plan(GIFT, trigger=REVIEWED))
    under_file(world, FILE.replace("year", "yaer"))
    world.happen("review.posted", ada, NOON + HOUR)
    for day in (1, 2):
        world.tick(NOON + day * DAY)

    assert (moves(world, ada), world.enrolment().state) == ([], "active")
    with reading(world.database) as connection:
        (trouble,) = (each for each in status(connection, NOON, NOON, rests=True).troubles if each.kind == "loyalty")
    assert loyalty_rests(world.settings)
    assert trouble.do == "vefa check tells them; all goes on by itself once they are mended"

    under_file(world, FILE)
    world.tick(NOON + 3 * DAY)

    (row,) = world.rows(point_moves)
    assert row.runs_out_at == world.shop.loyalty.runs_out(NOON + 3 * DAY, world.settings.shop.zone) is not None
    assert (world.enrolment().state, loyalty_rests(world.settings)) == ("finished", False)


def test_a_shop_without_a_file_gives_points_that_stay(world: World) -> None:
    ada = world.customer()
    world.deploy(make_plan(GIFT, trigger=REVIEWED))
    world.happen("review.posted", ada, NOON + HOUR)
    world.tick(NOON + DAY)

    (row,) = world.rows(point_moves)
    assert (row.points, row.runs_out_at) == (50, None)


@pytest.mark.rule(25)
def test_in_whenever_each_event_gives_its_points_once(loyal: World) -> None:
    ada = loyal.customer()
    each = Whenever("on-review", EventScope("review.posted", True), "gift", ("gift",))
    loyal.deploy(make_plan(wait("rest", None, days=30), GIFT, whenever=(each,)))
    loyal.order(ada, NOON)
    loyal.tick(NOON)
    for number in (1, 2):
        loyal.happen("review.posted", ada, NOON + number * HOUR, object_kind="review", object_id=number)
        loyal.tick(NOON + number * HOUR)
        loyal.tick(NOON + number * HOUR)

    assert moves(loyal, ada).count(("grant", 50)) == 2


@pytest.mark.rule(25)
def test_in_whenever_too_points_wait_for_the_file_to_be_mended(world: World) -> None:
    ada = world.customer()
    each = Whenever("on-review", EventScope("review.posted", True), "gift", ("gift",))
    world.deploy(make_plan(wait("rest", None, days=30), GIFT, whenever=(each,)))
    under_file(world, FILE.replace("year", "yaer"))
    world.order(ada, NOON)
    world.tick(NOON)
    for number in (1, 2):
        world.happen("review.posted", ada, NOON + number * HOUR, object_kind="review", object_id=number)
        world.tick(NOON + number * HOUR)
    before = moves(world, ada)
    under_file(world, FILE)
    world.tick(NOON + DAY)

    assert (before, moves(world, ada)) == ([], [("grant", 50), ("grant", 50)])


def test_given_points_run_out_as_others_do_and_are_looked_at(loyal: World) -> None:
    ada = loyal.customer()
    loyal.deploy(make_plan(GIFT, trigger=REVIEWED))
    loyal.happen("review.posted", ada, NOON + HOUR)
    loyal.tick(NOON + DAY)

    (row,) = loyal.rows(point_moves)
    assert row.runs_out_at == PROGRAMME.runs_out(NOON + DAY, loyal.settings.shop.zone)
    assert [due.at for due in loyal.rows(points_due)] == [EPOCH]


def test_words_of_an_order_know_its_points_at_once(loyal: World) -> None:
    loyal.words(
        "note", "{{ order.points }} puan, toplam {{ loyalty.points }}, {{ loyalty.worth }}, {{ loyalty.tier_name }}"
    )
    ada = loyal.customer()
    loyal.deploy(make_plan(email()))
    loyal.order(ada, NOON + HOUR, total=Decimal(600))

    run_narrow(
        loyal.shop, "thanks", since=NOON + HOUR, clock=stopped_at(NOON + HOUR), owner="t", wall=stopped_at(NOON + HOUR)
    )

    (sent,) = loyal.email.got
    assert "60 puan, toplam 60, 6,00 ₺, Gümüş" in sent.text


def test_a_narrow_walk_settles_only_those_whom_it_is_about(loyal: World) -> None:
    loyal.words("note", "{{ loyalty.points }}")
    ada, bea = loyal.customer(), loyal.customer("Bea")
    loyal.deploy(make_plan(email()))
    loyal.order(bea, NOON - 10 * DAY)
    loyal.order(ada, NOON + HOUR)

    run_narrow(
        loyal.shop, "thanks", since=NOON + HOUR, clock=stopped_at(NOON + HOUR), owner="t", wall=stopped_at(NOON + HOUR)
    )

    assert (balance(loyal, ada), balance(loyal, bea)) == (10, 0)


def test_a_tested_template_that_speaks_of_points_brings_them_up_to_date(loyal: World) -> None:
    loyal.words("rich", "{{ loyalty.points }} puan")
    variants = (Variant("plain", template="note"), Variant("rich", template="rich"))
    ada = loyal.customer()
    loyal.deploy(make_plan(email(test=Trial(variants, 10_000, Duration(days=1), "clicked"))))
    loyal.order(ada, NOON + HOUR)

    loyal.tick(NOON + DAY)

    assert balance(loyal, ada) == 10


def test_a_journey_that_says_nothing_of_points_posts_none(loyal: World) -> None:
    ada = loyal.customer()
    loyal.deploy(make_plan(email()))
    loyal.order(ada, NOON + HOUR)
    loyal.tick(NOON + DAY)

    assert loyal.rows(point_moves) == []


def test_conditions_see_points_and_tiers_as_of_the_tick(loyal: World) -> None:
    rich = Branch(
        "rich",
        "rich",
        None,
        (Arm(Compare("loyalty.points", ">=", 50), "wait"), Arm(Compare("loyalty.tier", "=", "gold"), "hi")),
    )
    ada, bea = loyal.customer(), loyal.customer("Bea")
    loyal.deploy(make_plan(rich, wait("wait", "hi", days=1), email("hi")))
    loyal.order(ada, NOON + HOUR, total=Decimal(900))
    loyal.order(bea, NOON + HOUR, total=Decimal(90))

    loyal.tick(NOON + 2 * HOUR)

    assert [row.state for row in loyal.enrolments()] == ["active", "finished"]


def test_the_tier_of_a_customer_brings_them_in_once_it_is_reached(loyal: World) -> None:
    ada = loyal.customer()
    loyal.deploy(make_plan(email(), trigger=EventTrigger("loyalty.tier_raised", None)))
    loyal.tick(NOON + timedelta(minutes=1))
    loyal.order(ada, NOON + HOUR, total=Decimal(900))
    loyal.tick(NOON + 2 * HOUR)
    loyal.tick(NOON + 3 * HOUR)

    assert loyal.email.addresses == ["Ada-1@ornek.example"]
    assert loyal.enrolment().entered_at == NOON + HOUR


def test_who_leaves_when_the_order_is_cancelled_keeps_no_points_of_it(loyal: World) -> None:
    loyal.words("note", "{{ loyalty.points }}")
    ada = loyal.customer()
    order = loyal.order(ada, NOON + HOUR)
    loyal.deploy(
        make_plan(wait("wait", "hi", days=3), email("hi"), exits=Exits(unless=Compare("loyalty.points", ">", 0)))
    )
    loyal.tick(NOON + 2 * HOUR)
    loyal.change(orders, "order", order, cancelled_at=NOON + DAY)

    loyal.tick(NOON + 4 * DAY)

    assert (balance(loyal, ada), loyal.email.got) == (0, [])

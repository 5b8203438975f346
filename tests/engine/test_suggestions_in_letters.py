"""What letters say of products: what goes with the order at hand, and how to use what was bought."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan
from vefa.crm.recommendations.making import make_links
from vefa.crm.tables import order_lines, products
from vefa.database import reading, writing
from vefa.plan.ways_in import EventTrigger

WORDS = (
    "{% for one in recommendations %}[{{ one.name }}{% if one.because %} with {{ one.because }}{% endif %}]{% endfor %}"
)
GUIDES = "{% for guide in guides %}[{{ guide.name }} {{ guide.url }}]{% endfor %}"


class Counter:
    """The world's goods, and what was put on its counter."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, int] = {}

    def sells(self, *names: str, **columns: Any) -> None:
        for name in names:
            self.ids[name] = self.world.insert(products, source="shop", outside_id=name, name=name, **columns)

    def sold(self, customer: int, *names: str, placed: Any = NOON - 20 * DAY, **columns: Any) -> int:
        order = self.world.order(customer, placed, **columns)
        for n, name in enumerate(names, 1):
            line = {"line": n, "product_id": self.ids[name], "quantity": 1, "unit_price": Decimal(10)}
            self.world.insert(order_lines, order_id=order, **line)
        return order


@pytest.fixture
def counter(world: World) -> Counter:
    """Cups went with saucers, pans with lids."""
    counter = Counter(world)
    counter.sells("cup", "saucer", "pan", "lid")
    for names in (("cup", "saucer"), ("pan", "lid")):
        for _ in range(8):
            counter.sold(world.customer(email=False), *names)
    make_links(world.database, NOON - DAY)
    return counter


def said(world: World) -> list[str]:
    return [message.text.strip() for message in world.email.got]


def test_a_thank_you_shows_what_goes_with_the_order_at_hand(world: World, counter: Counter) -> None:
    world.words("note", WORDS)
    world.deploy(make_plan(email(recommend=1)), NOON - HOUR)
    customer = world.customer()
    counter.sold(customer, "pan", placed=NOON - 9 * DAY)
    counter.sold(customer, "cup", placed=NOON)

    world.tick(NOON)

    assert said(world) == ["[saucer with cup]"]


def test_another_journey_shows_what_goes_with_their_last_orders(world: World, counter: Counter) -> None:
    world.words("note", WORDS)
    world.deploy(make_plan(email(recommend=1), trigger=EventTrigger("customer.created", "customer")), NOON - HOUR)
    customer = world.customer()
    counter.sold(customer, "pan", placed=NOON - 9 * DAY)
    world.happen("customer.created", customer, NOON)

    world.tick(NOON)

    assert said(world) == ["[lid with pan]"]


def test_who_may_not_be_sold_anything_is_shown_nothing_and_read_for_nobody(world: World, counter: Counter) -> None:
    world.words("note", WORDS + "!")
    world.deploy(make_plan(email(recommend=1, purpose="transactional")), NOON - HOUR)
    counter.sold(world.customer(consent=False), "cup", placed=NOON)
    counter.sold(world.customer(), "cup", placed=NOON)

    world.tick(NOON)

    assert sorted(said(world)) == ["!", "[saucer with cup]!"]


def test_what_sold_out_between_two_letters_is_not_in_the_second(world: World, counter: Counter) -> None:
    world.words("note", WORDS)
    world.deploy(make_plan(email(recommend=1)), NOON - HOUR)
    counter.sold(world.customer(), "cup", placed=NOON)
    world.tick(NOON)
    with writing(world.database) as connection:
        connection.execute(sa.update(products).where(products.c.name == "saucer").values(in_stock=False))
    counter.sold(world.customer(), "cup", placed=NOON + HOUR)

    world.tick(NOON + HOUR)

    assert said(world)[0] == "[saucer with cup]"
    assert "saucer" not in said(world)[1]


def test_letters_without_suggestions_never_ask_for_links(world: World, counter: Counter) -> None:
    world.words("note", "Merhaba")
    world.deploy(make_plan(email()), NOON - HOUR)
    counter.sold(world.customer(), "cup", placed=NOON)
    asked: list[str] = []
    sa.event.listen(world.database, "before_cursor_execute", lambda *given: asked.append(given[2]))

    world.tick(NOON)

    assert said(world) == ["Merhaba"]
    assert not [each for each in asked if "product" in each]


def test_a_letter_about_an_order_shows_the_guides_of_that_order(world: World, counter: Counter) -> None:
    counter.sells("press", guide_url="https://ornek.example/rehber/press")
    counter.sells("kettle", guide_url="https://ornek.example/rehber/kettle")
    world.words("note", GUIDES)
    world.deploy(make_plan(email(), trigger=EventTrigger("order.delivered", "order")), NOON - HOUR)
    customer = world.customer()
    counter.sold(customer, "press", "cup", placed=NOON - 3 * DAY, delivered_at=NOON)
    counter.sold(customer, "kettle", placed=NOON - DAY)

    world.tick(NOON)

    assert said(world) == ["[press https://ornek.example/rehber/press]"]


def test_a_letter_about_no_order_shows_the_guides_of_the_last_one(world: World, counter: Counter) -> None:
    counter.sells("press", guide_url="https://ornek.example/rehber/press")
    counter.sells("kettle", guide_url="https://ornek.example/rehber/kettle")
    world.words("note", GUIDES + "!")
    world.deploy(make_plan(email(), trigger=EventTrigger("customer.created", "customer")), NOON - HOUR)
    one, two, three = world.customer(), world.customer(), world.customer()
    counter.sold(one, "kettle", placed=NOON - 3 * DAY)
    counter.sold(one, "press", "cup", placed=NOON - DAY)
    counter.sold(two, "kettle", placed=NOON - 5 * DAY)
    counter.sold(two, "press", placed=NOON - 4 * DAY, cancelled_at=NOON - 3 * DAY)
    for customer in (one, two, three):
        world.happen("customer.created", customer, NOON)

    world.tick(NOON)

    assert sorted(said(world)) == [
        "!",
        "[kettle https://ornek.example/rehber/kettle]!",
        "[press https://ornek.example/rehber/press]!",
    ]


def test_a_guide_stands_on_the_line_of_its_product_too(world: World, counter: Counter) -> None:
    counter.sells("press", guide_url="https://ornek.example/rehber/press")
    world.words("note", "{% for line in order.lines %}[{{ line.name }} {{ line.guide_url }}]{% endfor %}")
    world.deploy(make_plan(email()), NOON - HOUR)
    counter.sold(world.customer(), "press", "cup", placed=NOON)

    world.tick(NOON)

    assert said(world) == ["[press https://ornek.example/rehber/press][cup ]"]
    with reading(world.database) as connection:
        assert connection.scalar(sa.select(products.c.guide_url).where(products.c.name == "cup")) is None

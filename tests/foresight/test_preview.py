"""Messages as they would look: every template for every made-up customer, a real one's, and what is found wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan
from tests.foresight.previews import NOW, a_preview, renderer
from vefa.content.templates import TemplateStore
from vefa.crm.tables import order_lines, products, tickets
from vefa.crm.ticket_messages import ticket_messages
from vefa.database import metadata, reading
from vefa.engine.forgetting import forget
from vefa.errors import UserError
from vefa.foresight.persons import find_person
from vefa.foresight.preview.customer import CustomerValues
from vefa.foresight.preview.looking import look
from vefa.foresight.preview.rendering import Renderer
from vefa.foresight.preview.samples import NAMES, SampleName, Samples, with_stand_ins
from vefa.language.catalogue import FIELDS
from vefa.plan.project import Project, load_project
from vefa.plan.steps import Message
from vefa.plan.ways_in import EventTrigger
from vefa.rewards.coupons import ALPHABET
from vefa.settings import Settings, load_settings

REPOSITORY = Path(__file__).parents[2]
LOCALES = ("tr", "en")


@pytest.fixture(scope="module")
def shop() -> Settings:
    return Settings(root=REPOSITORY)


@pytest.fixture(scope="module")
def project(shop: Settings) -> Project:
    return load_project(REPOSITORY, shop)


# --- made-up customers


@pytest.mark.parametrize("sample", NAMES)
def test_every_message_of_every_journey_survives_every_sample(
    shop: Settings, project: Project, sample: SampleName
) -> None:
    made = renderer(shop, sample)

    previews = [each for plan in project.plans.values() for each in made.of(plan, LOCALES)]

    assert len(previews) >= 40
    assert [str(found.place + " " + found.says) for each in previews for found in look(each)] == []


def test_a_sample_has_a_value_for_every_field(shop: Settings, project: Project) -> None:
    plan = project.plans["order-thank-you"]
    step = renderer(shop).of(plan, ("tr",))
    assert next(iter(step)).subject

    first = plan.steps[0]
    assert isinstance(first, Message)
    context = Samples("usual", NOW, shop).context(plan, first, "tr")
    homes = {name.partition(".")[0] for name in FIELDS}
    missing = [n for n in FIELDS if n.partition(".")[2] not in context[n.partition(".")[0]] and n != "coupon.used"]

    assert homes <= set(context)
    assert missing == []


def test_the_samples_are_as_different_as_they_say(shop: Settings, project: Project) -> None:
    plan = project.plans["order-thank-you"]
    tr = {name: next(iter(renderer(shop, name).of(plan, ("tr",)))) for name in NAMES}

    assert tr["usual"].subject == "Teşekkür ederiz, Ayşe! Siparişiniz bize ulaştı"
    assert tr["bare"].subject == "Teşekkür ederiz! Siparişiniz bize ulaştı"
    assert "Abdurrahman Gazanfer Şükrü" in tr["long"].text
    assert "1.234.567,89 ₺" in tr["long"].text
    assert "615,00 $" in tr["foreign"].text and "₺" not in tr["foreign"].text
    assert "data:image" in tr["usual"].html and "<img" not in tr["foreign"].html
    en = next(iter(renderer(shop, "foreign").of(plan, ("en",))))
    assert "€615.00" in en.text


def test_a_sample_code_is_none_that_anybody_can_be_given(shop: Settings, project: Project) -> None:
    letter = next(iter(renderer(shop).of(project.plans["birthday"], ("tr",))))

    assert "IYIKI-SAMPLE01" in letter.text
    assert not set("SAMPLE01") <= set(ALPHABET)


def test_names_that_no_sample_knows_get_stand_ins_and_mistakes_do_not(shop: Settings) -> None:
    known = {"order": {"number": "1"}}

    filled = with_stand_ins(known, {"links.preferences", "coupon.code", "order.nmuber", "recommendations"}, shop)

    assert filled == known | {
        "links": {"preferences": "http://localhost:8020/preview"},
        "coupon": {"code": "code"},
        "recommendations": [],
    }


def test_links_of_a_preview_lead_nowhere(shop: Settings, project: Project) -> None:
    letter = next(iter(renderer(shop).of(project.plans["birthday"], ("tr",))))

    assert "/u/preview" in letter.html
    assert "/p/preview" in letter.html


def test_one_step_can_be_asked_for_and_a_wrong_one_is_told(shop: Settings, project: Project) -> None:
    plan = project.plans["birthday"]

    assert {each.step for each in renderer(shop).of(plan, ("tr",), "reminder")} == {"reminder"}
    with pytest.raises(UserError, match='Did you mean "reminder"'):
        list(renderer(shop).of(plan, ("tr",), "remindr"))


# --- what is found


@pytest.mark.parametrize(
    ("changes", "severity", "told"),
    [
        ({"html": "<p>Te\ufffdekkürler</p>"}, "error", "could not be read"),
        ({"subject": "TeÅŸekkÃ¼rler"}, "error", "letters read in a wrong code"),
        ({"text": "Donâ€™t"}, "error", "letters read in a wrong code"),
        ({"html": "<p>Sayın {{ customer.first_name }}</p>"}, "error", "which nothing has filled in"),
        ({"text": " \n"}, "error", "no plain part"),
        ({"html": '<p>x<img src="" alt=""></p>'}, "error", "a picture without an address"),
        ({"html": '<p>x<img src="https://x.example/a.png"></p>'}, "warning", "without words for who cannot see it"),
        ({"subject": "x" * 61}, "warning", "has 61 characters"),
        ({"preheader": ""}, "warning", "no preheader"),
        ({"text": "Sayın None"}, "warning", "is a value missing?"),
        ({"medium": "sms", "html": "", "segments": 4}, "warning", "takes 4 segments"),
        ({"fault": "the subject comes out empty"}, "error", "cannot be written"),
    ],
)
def test_what_is_wrong_with_the_words_is_found(changes: dict[str, str | int], severity: str, told: str) -> None:
    (found,) = look(a_preview(**changes))

    assert (found.severity, told in found.says) == (severity, True), found.says


def test_good_words_have_nothing_to_mend() -> None:
    assert list(look(a_preview(subject="Ã Paris, “çÇğĞıİöÖşŞüÜ”: 5 € – Ä is a letter"))) == []


# --- a real customer


@pytest.fixture
def world(engine: sa.Engine, example_root: Path) -> World:
    return World(engine, load_settings(example_root))


def values(world: World, connection: sa.Connection, who: str) -> Renderer:
    store = TemplateStore(world.settings.root, world.settings)
    person = find_person(connection, who)
    customer = CustomerValues(connection, person, store, world.settings, NOON + DAY)
    return Renderer(store, world.settings, "customer", customer.context, person.language)


def counts(world: World) -> dict[str, int]:
    with reading(world.database) as connection:
        tables = metadata.sorted_tables
        return {t.name: connection.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for t in tables}


def test_a_real_customers_message_holds_their_own_values_and_changes_nothing(world: World) -> None:
    ben = world.customer("Ben", outside_id="b-1", language="en", birth_date=date(1991, 5, 4))
    order = world.order(ben, NOON - HOUR, number="TR-77", outside_id="77")
    product = world.insert(products, source="shop", outside_id="p", name="Bakır cezve")
    world.insert(order_lines, order_id=order, line=1, product_id=product, quantity=2, unit_price=50)
    plans = load_project(world.settings.root, world.settings).plans
    before = counts(world)

    with reading(world.database) as connection:
        made = values(world, connection, "b-1")
        thanks = [each for each in made.of(plans["order-thank-you"], LOCALES) if each.medium == "email"]
        birthday = next(iter(made.of(plans["birthday"], LOCALES)))

    assert [each.locale for each in thanks] == ["en"]
    assert thanks[0].subject == "Thank you for your order, Ben"
    assert "TR-77" in thanks[0].text and "Bakır cezve × 2" in thanks[0].text
    assert "IYIKI-SAMPLE01" in birthday.text
    assert counts(world) == before


def test_the_years_of_a_real_customer_are_those_of_their_next_day(world: World) -> None:
    world.customer("Ayşe", outside_id="a-1", created_at=datetime(2024, 7, 1, 9, tzinfo=UTC))
    plans = load_project(world.settings.root, world.settings).plans

    with reading(world.database) as connection:
        letter = next(iter(values(world, connection, "a-1").of(plans["anniversary-sign-up"], LOCALES)))

    assert "Aramıza katılalı 2 yıl oldu" in letter.text
    assert "1 Temmuz" in letter.text


def test_a_transcript_names_a_real_customer_as_the_message_will(world: World) -> None:
    ben = world.customer("Ben", outside_id="b-1", language="en", last_name="Taş")
    said = {"source": "desk", "outside_id": "1"}
    ticket = world.insert(tickets, **said, customer_id=ben, opened_at=NOON, opened_known_at=NOON)
    word = {"author": "customer", "text": "It broke.", "said_at": NOON, "said_known_at": NOON}
    world.insert(ticket_messages, **said, ticket_id=ticket, **word)
    world.happen("ticket.opened", ben, NOON, object_kind="ticket", object_id=ticket)
    world.words("talk", "{% for said in ticket.messages %}{{ said.who }}: {{ said.text }}{% endfor %}")
    plan = make_plan(email(template="talk"), trigger=EventTrigger("ticket.opened", "ticket"))

    with reading(world.database) as connection:
        (letter,) = values(world, connection, "b-1").of(plan, LOCALES)

    assert "Ben: It broke." in letter.text


def test_who_has_nothing_of_what_a_journey_is_about_is_told(world: World) -> None:
    world.customer("Ayşe", outside_id="a-1")
    plans = load_project(world.settings.root, world.settings).plans

    with reading(world.database) as connection:
        made = values(world, connection, "a-1")
        with pytest.raises(UserError, match=r"begins with order\.placed, and customer a-1 has none yet"):
            list(made.of(plans["order-thank-you"], LOCALES))
        with pytest.raises(UserError, match=r"customer\.birth_date, which is not known of customer a-1"):
            list(made.of(plans["birthday"], LOCALES))


def test_previews_are_gone_when_a_customer_is_forgotten(sqlite_engine: sa.Engine, example_root: Path) -> None:
    world = World(sqlite_engine, load_settings(example_root))
    ada = world.customer("Ada")
    page = world.settings.var / "preview" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("Ada", encoding="utf-8")

    forget(world.database, world.settings, ada, NOON)

    assert not page.parent.exists()

"""Customers who were asked something: a message that asks a survey, sent, and the link that stands in it."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.engine.worlds import HOUR, NOON, PLACED, World, email, make_plan
from vefa.content.survey_links import Ask, SurveyLinks

SURVEYS = """\
packaging:
  kind: csat
  question: {tr: "Paketiniz nasıl geldi?", en: "How did your parcel arrive?"}
  route: {to: care-team, at_most: 2}
why:
  kind: choice
  question: {tr: "Nerede yanlış yaptık?", en: "What did we get wrong?"}
  options:
    price: {tr: "Fiyat", en: "The price"}
    service: {tr: "Hizmet", en: "The service"}
    nothing: {tr: "Hiçbir şey", en: "Nothing"}
  route: {to: care-team, options: [price, service], comments: yes}
"""


def with_surveys(world: World) -> World:
    (world.settings.root / "config" / "surveys.yaml").write_text(SURVEYS, encoding="utf-8")
    world.words("asking", "{{ survey.question }} {{ survey.page }}")
    return world


def asked(world: World, customer: int, survey: str = "csat", *, trigger: object = PLACED, at: datetime = NOON) -> int:
    """The number of a message that asked the customer, an hour after what happened then."""
    journey = f"asks-{survey}"
    world.deploy(make_plan(email("ask", template="asking", survey=survey), journey=journey, trigger=trigger))
    if trigger is PLACED:
        world.order(customer, at)
    world.tick(at + HOUR, journey)
    (send,) = (row for row in world.sends() if row.customer_id == customer and row.state == "sent")
    return int(send.id)


def link(
    world: World,
    customer: int,
    send: int,
    survey: str = "csat",
    score: int | None = None,
    until: datetime = NOON + timedelta(days=60),
    secret: bytes | None = None,
) -> str:
    """The path of a link of that kind."""
    links = SurveyLinks(secret or world.shop.secret, "")
    return links.url(Ask(customer, send, survey, score), until)

"""The page on the web service names all that there is to set, to send and to be answered."""

from __future__ import annotations

from tests.docs.pages import REPOSITORY, Page
from vefa.crm.shops import woocommerce
from vefa.settings import Limits, Shopify, Web, WooCommerce
from vefa.web.event_forms import CustomerIn, EventIn
from vefa.web.events import PROBLEMS
from vefa.web.keys import SCOPES

PAGE = Page(REPOSITORY / "docs" / "web-service.md").text


def test_every_setting_and_its_default_is_on_the_page() -> None:
    models = (Limits, Web, WooCommerce, Shopify)

    assert [name for model in models for name in model.model_fields if f"{name}" not in PAGE] == []
    table = [line for line in PAGE.splitlines() if line.startswith(("| `body_", "| `key_", "| `address_"))]
    numbers = {name: value for name, value in Limits().model_dump().items() if name != "trusted_proxies"}
    assert [
        name for name, value in numbers.items() if not any(name in row and f"{value:g}" in row for row in table)
    ] == []


def test_every_key_of_an_event_every_scope_and_every_status_is_on_the_page() -> None:
    keys = [*EventIn.model_fields, *CustomerIn.model_fields, *SCOPES]

    assert [key for key in keys if f"`{key}`" not in PAGE] == []
    assert [code for code in PROBLEMS if str(code) not in PAGE] == []


def test_the_topics_of_woocommerce_are_the_ones_that_are_to_be_added() -> None:
    for topic in {*woocommerce.TOPICS, *woocommerce.PRIVACY}:
        kind, _, verb = topic.partition(".")
        assert f"*{kind.capitalize()} {verb}*" in PAGE, topic

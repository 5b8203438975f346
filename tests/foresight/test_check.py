"""What a check finds before the night, and what it leaves in peace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from vefa.foresight.check import Check, check, fields, words
from vefa.language.catalogue import FIELDS
from vefa.language.english import NAMES
from vefa.language.wording import EVENTS
from vefa.plan.project import load_project
from vefa.settings import Channels, Settings, Shop

JOURNEY = """\
name: Thanks
purpose: {purpose}
trigger: {trigger}
steps:
{steps}
"""
LAYOUT = '<mjml><mj-body><!-- vefa:content --><mj-section><mj-column><mj-text><a href="{{ links.unsubscribe }}">x</a>\
</mj-text></mj-column></mj-section></mj-body></mjml>\n'
MJML = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>\n"
GERMANY = Shop(country="DE", locales=("en",))

Look = Callable[..., Check]


@pytest.fixture
def look(shop_root: Path) -> Look:
    """Checks a shop with one journey of one e-mail; any part may be given."""

    def check_shop(
        steps: str = '  - email: thanks\n    subject: {en: "Thanks"}',
        *,
        words: str = "Thank you",
        sms: str | None = None,
        purpose: str = "commercial",
        trigger: str = "{event: order.placed}",
        brand: str = "",
        shop: Shop = GERMANY,
        **settings: object,
    ) -> Check:
        templates = shop_root / "journeys" / "templates"
        text = JOURNEY.format(purpose=purpose, trigger=trigger, steps=steps)
        (shop_root / "journeys" / "thanks.yaml").write_text(text, encoding="utf-8")
        (templates / "_layout.mjml").write_text(LAYOUT, encoding="utf-8")
        (templates / "thanks.en.mjml").write_text(MJML.format(words), encoding="utf-8")
        if sms is not None:
            (templates / "thanks.en.sms.txt").write_text(sms, encoding="utf-8")
        if brand:
            (shop_root / "config" / "brand.yaml").write_text(brand, encoding="utf-8")
        made = Settings(root=shop_root, shop=shop, **settings)
        return check(load_project(shop_root, made), made)

    return check_shop


def says(found: Check) -> str:
    return "\n".join(f"{each.severity} {each.place} {each.says}" for each in (*found.errors, *found.warnings))


def test_a_good_shop_has_nothing_to_mend(look: Look) -> None:
    found = look()

    assert found.good, says(found)
    assert found.warnings == ()
    assert found.journeys == ("thanks",)


def test_a_missing_template_is_told_with_the_file_to_write(look: Look) -> None:
    found = look('  - email: goodbye\n    subject: {en: "Bye"}')

    assert 'journeys/thanks.yaml:5 there is no email template "goodbye"' in says(found)
    assert "journeys/templates/goodbye.en.mjml" in says(found)


def test_a_message_that_may_go_by_sms_needs_words_for_that(look: Look) -> None:
    found = look('  - message: thanks\n    subject: {en: "Thanks"}')

    assert 'there is no sms template "thanks" (`message` may go by SMS' in says(found)


def test_an_unknown_variable_is_told_in_its_template(look: Look) -> None:
    found = look(words="Dear {{ customer.frist_name }}")

    assert "journeys/templates/thanks.en.mjml" in says(found)
    assert "customer.first_name" in says(found)


def test_an_unknown_variable_in_a_subject_is_told_with_the_nearest(look: Look) -> None:
    found = look('  - email: thanks\n    subject: {en: "Dear {{ customer.frist_name }}"}')

    assert 'Did you mean "customer.first_name"?' in says(found)


def test_a_variable_that_the_trigger_does_not_bring_is_told(look: Look) -> None:
    found = look(words="Order {{ order.number }}", trigger="{event: customer.created}")

    assert "uses {{ order.number }}: the journey's trigger brings no order." in says(found)


def test_a_coupon_must_come_before_its_words(look: Look) -> None:
    message = '  - email: thanks\n    subject: {en: "Thanks"}'

    assert "no coupon step comes before this message." in says(look(message, words="{{ coupon.code }}"))
    assert look(f"  - coupon: {{percent: 10, valid: 14 days}}\n{message}", words="{{ coupon.code }}").good


def test_a_day_is_only_there_after_a_date_trigger(look: Look) -> None:
    assert "only a date trigger has a day." in says(look(words="{{ trigger.date }}"))
    assert look(words="{{ trigger.date }}", trigger='{date: customer.birth_date, at: "09:00"}').good


def test_a_subject_that_cannot_be_read_is_told(look: Look) -> None:
    found = look('  - email: thanks\n    subject: {en: "Dear {{ customer.first_name"}')

    assert not found.good
    assert "thanks" in says(found)


def test_a_coupon_in_a_transactional_message_is_a_warning(look: Look) -> None:
    steps = '  - coupon: {percent: 10, valid: 14 days}\n  - email: thanks\n    subject: {en: "Thanks"}'

    found = look(steps, words="{{ coupon.code }}", purpose="transactional")

    assert found.good
    assert "is transactional, but its words hold a coupon" in says(found)


TURKEY = Shop(country="TR", locales=("en",))
TWILIO = Channels(sms="twilio")
SMS = "  - sms: thanks"
KEYS = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": SecretStr("x"), "secret_key": SecretStr("x" * 32)}


def test_a_link_in_an_sms_to_turkey_from_abroad_is_an_error(look: Look) -> None:
    found = look(SMS, sms="Look: https://ornek.example/x", shop=TURKEY, channels=TWILIO, **KEYS)

    assert any("holds a link, and Turkish operators block SMS from abroad" in each.says for each in found.errors)


def test_a_link_in_an_sms_elsewhere_is_fine(look: Look) -> None:
    assert "holds a link" not in says(look(SMS, sms="Look: https://ornek.example/x"))


def test_a_turkish_shop_without_identity_is_told(look: Look) -> None:
    found = look(shop=TURKEY)

    assert "mersis" in says(found)
    assert "trade_name" in says(found)


def test_a_brand_that_cannot_be_read_is_one_finding(look: Look) -> None:
    found = look(brand="name: X\nmersis: '12'\n")

    assert "config/brand.yaml" in says(found)
    assert "mersis" in says(found)


def test_providers_without_keys_are_told_before_the_first_message(look: Look) -> None:
    found = look(channels=Channels(email="sendgrid"), public_url="http://localhost:8020")

    told = says(found)
    assert "set VEFA_SENDGRID_API_KEY" in told
    assert "VEFA_SECRET_KEY is not set" in told
    assert "customers could not open their unsubscribe links" in told


def test_the_shop_that_comes_with_the_project_is_right(example_root: Path) -> None:
    settings = Settings(root=example_root)

    found = check(load_project(example_root, settings), settings)

    assert found.good, says(found)


def test_the_lists_hold_every_field_with_a_meaning() -> None:
    assert {word.name for word in fields()} == set(FIELDS)
    assert {word.name for word in words()} >= set(FIELDS) | {"links.unsubscribe", "recommendations"}


def test_every_field_and_event_has_a_name_in_plain_words() -> None:
    from vefa.language.catalogue import EVENTS as KNOWN

    assert set(NAMES) >= set(FIELDS)
    assert set(EVENTS) >= set(KNOWN)


ASKING = '  - email: thanks\n    subject: {en: "Thanks"}\n    survey: nps'


def test_a_message_that_asks_and_words_that_do_not_are_told_of(look: Look) -> None:
    (found,) = look(ASKING).errors

    assert "thanks (email) does not ask its survey" in found.says


def test_words_that_ask_and_a_message_that_does_not_are_told_of_once(look: Look) -> None:
    (found,) = look(words="{{ survey.question }} {{ survey.page }}").errors

    assert "asks a survey, and the message has none" in found.says


def test_a_message_and_words_that_ask_are_left_in_peace(look: Look) -> None:
    assert look(ASKING, words="{{ survey.question }} {{ survey.page }} {{ survey.score }}").errors == ()

"""What a check finds before the night, and what it leaves in peace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
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


def test_every_mistake_of_the_brand_is_told_with_its_line(look: Look) -> None:
    found = look(brand="name: X\nmersis: '12'\ncolors:\n  accent: #b4472e\n  card: white\nlogo: x\n")

    told = says(found)
    assert 'config/brand.yaml:2:9 "12" is no MERSİS number' in told
    assert 'config/brand.yaml:4:3 "accent" is empty. A # begins a remark' in told
    assert 'config/brand.yaml:5:9 "white" is no colour' in told
    assert 'config/brand.yaml:6:1 unknown key "logo". Did you mean "logo_url"?' in told


def test_colours_that_are_hard_to_read_are_a_warning_by_day_and_by_night(look: Look) -> None:
    brand = 'name: X\ncolors:\n  muted: "#bbbbbb"\ndark:\n  accent: "#333333"\n'

    found = look(brand=brand)

    assert found.good
    told = says(found)
    assert "config/brand.yaml:3 colors.muted on colors.card (small words) has a contrast of 1.9" in told
    assert "config/brand.yaml:5 dark.accent on dark.card (links)" in told
    assert "colors.text" not in told


def test_a_template_without_one_of_the_shops_languages_is_told_with_the_file_to_write(look: Look) -> None:
    both = Shop(country="DE", locales=("tr", "en"))

    found = look('  - email: thanks\n    subject: {tr: "Sağ olun", en: "Thanks"}', shop=both)

    assert not found.good
    assert 'journeys/templates/thanks.tr.mjml is missing: "thanks" is written in en only' in says(found)


def test_a_journey_on_the_shops_birthday_needs_the_day(look: Look) -> None:
    day = '{date: shop.founded_on, at: "09:00"}'

    assert "Write founded_on: 2015-03-20" in says(look(trigger=day))
    known = GERMANY.model_copy(update={"founded_on": date(2015, 3, 20)})
    assert "founded_on" not in says(look(trigger=day, shop=known))


def test_years_are_only_there_after_a_date_trigger(look: Look) -> None:
    assert "only a date trigger has a day." in says(look(words="{{ trigger.years }}"))
    assert look(words="{{ trigger.years }}", trigger='{date: customer.birth_date, at: "09:00"}').good


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


TEST = """  - email: thanks
    test:
      subjects: {{a: {{en: "One"}}, b: {{en: "Two {}"}}}}
      on: 20%
      decide: 4 hours
      by: clicked"""
TEMPLATES = """  - email: thanks
    subject: {en: "Thanks"}
    test: {templates: {a: thanks, b: thanks-warm}, on: 20%, decide: 4 hours, by: clicked}"""


def test_every_variant_of_a_test_is_looked_at(look: Look) -> None:
    subjects, templates = look(TEST.format("{{ order.totl }}")), look(TEMPLATES)

    assert any("order.totl" in found.says for found in subjects.errors)
    (missing,) = templates.errors
    assert "thanks-warm" in missing.says
    assert missing.place == "journeys/thanks.yaml:7"


def test_a_test_by_clicks_that_nobody_counts_is_a_warning(look: Look) -> None:
    smtp = {"channels": Channels(email="smtp"), "secret_key": SecretStr("x" * 40), "public_url": "https://a.ornek.tr"}
    uncounted = look(TEST.format(""), **smtp, sender_email="a@ornek.tr")
    counted = look(TEST.format(""), **smtp, sender_email="a@ornek.tr", tracking={"clicks": True})

    assert [found.place for found in uncounted.warnings] == ["journeys/thanks.yaml:10"]
    assert "tracking.clicks is off" in uncounted.warnings[0].says
    assert counted.warnings == ()


ASKING = '  - email: thanks\n    subject: {en: "Thanks"}\n    survey: nps'


def test_a_message_that_asks_and_words_that_do_not_are_told_of(look: Look) -> None:
    (found,) = look(ASKING).errors

    assert "thanks (email) does not ask its survey" in found.says


def test_words_that_ask_and_a_message_that_does_not_are_told_of_once(look: Look) -> None:
    (found,) = look(words="{{ survey.question }} {{ survey.page }}").errors

    assert "asks a survey, and the message has none" in found.says


def test_a_message_and_words_that_ask_are_left_in_peace(look: Look) -> None:
    assert look(ASKING, words="{{ survey.question }} {{ survey.page }} {{ survey.score }}").errors == ()

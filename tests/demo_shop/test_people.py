"""Customers: where they live, how they are called and reached, and what they have agreed to."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers
from email_validator import validate_email

from tests.demo_shop.made import CUSTOMERS, Rows
from vefa.crm.identity import address_key, bucket


def test_buckets_and_address_keys_are_the_ones_of_every_customer(rows: Rows) -> None:
    assert all(row["bucket"] == bucket(row["outside_id"]) for row in rows["customers"])
    assert all(row["address_key"] == address_key(row["address"]) for row in rows["contacts"])


def test_addresses_are_valid_belong_to_nobody_and_are_nobody_elses(rows: Rows) -> None:
    addresses = [row["address"] for row in rows["contacts"]]

    assert len(addresses) == len(set(addresses))
    for row in rows["contacts"]:
        if row["channel"] == "email":
            assert row["address"].isascii() and row["address"].endswith(".example")
            validate_email(row["address"], check_deliverability=False)
        else:
            assert row["address"].startswith("+90500") or row["address"][5:].startswith("55501")
            assert phonenumbers.is_valid_number(phonenumbers.parse(row["address"]))


def test_some_customers_have_no_email_or_no_phone(rows: Rows) -> None:
    channels = Counter(row["channel"] for row in rows["contacts"])

    assert 0.85 * CUSTOMERS < channels["email"] < CUSTOMERS
    assert 0.6 * CUSTOMERS < channels["sms"] < 0.85 * CUSTOMERS


def test_most_customers_are_turkish_and_zones_fit_their_countries(rows: Rows) -> None:
    countries = Counter(row["country"] for row in rows["customers"])
    zones = {(row["country"], row["zone"]) for row in rows["customers"]}

    assert 0.8 < countries["TR"] / CUSTOMERS < 0.9
    assert set(countries) >= {"TR", "DE", "GB", "FR", "NL", "US"}
    assert {zone for country, zone in zones if country == "TR"} == {"Europe/Istanbul"}
    assert all(ZoneInfo(zone) for _, zone in zones)


def test_turkish_names_keep_their_letters(rows: Rows) -> None:
    letters = {letter for row in rows["customers"] for letter in row["first_name"] + row["last_name"]}

    assert letters >= set("çğıöşüÇİÖŞÜ")


def test_some_customers_are_born_on_29_february(rows: Rows) -> None:
    leaps = [row["birth_date"] for row in rows["customers"] if row["birth_date"] and row["birth_date"].day == 29]

    assert any(born.month == 2 for born in leaps)


def test_consents_are_a_log_in_which_a_no_comes_after_the_yes(rows: Rows) -> None:
    said: dict[tuple[int, str], list[tuple[datetime, bool]]] = {}
    for row in rows["consents"]:
        said.setdefault((row["customer_id"], row["channel"]), []).append((row["occurred_at"], row["granted"]))
    revoked = [sorted(words) for words in said.values() if len(words) > 1]
    reachable = Counter(row["channel"] for row in rows["contacts"])
    yes = Counter(channel for (_, channel), words in said.items() if any(granted for _, granted in words))

    assert len(revoked) > 20
    assert all([granted for _, granted in words] == [True, False] for words in revoked)
    assert 0.65 < yes["email"] / reachable["email"] < 0.75
    assert 0.5 < yes["sms"] / reachable["sms"] < 0.6


def test_consent_is_asked_only_for_channels_that_there_are(rows: Rows) -> None:
    contacts = {(row["customer_id"], row["channel"]) for row in rows["contacts"]}

    assert {(row["customer_id"], row["channel"]) for row in rows["consents"]} <= contacts

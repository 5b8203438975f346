"""Staff are told: once, in the shop's own words, and whether or not the customer has gone on."""

from __future__ import annotations

from tests.engine.worlds import HOUR, MINUTE, NOON, email, make_plan
from tests.errands.offices import Office, notify
from vefa.database import writing
from vefa.errands.book import notify_staff
from vefa.plan.outside import Outside, Team


def test_the_team_gets_an_e_mail_and_the_customer_goes_on_at_once(office: Office) -> None:
    office.deploy(make_plan(notify(next="hello"), email()))
    office.order(office.customer("Ayşe", outside_id="c-7"), NOON)

    office.tick(NOON + MINUTE)

    to_customer, to_staff = office.email.got
    assert (to_staff.to, to_staff.subject) == ("destek@ornek.example", "Ayşe bekliyor")
    assert to_staff.text == "Ayşe bekliyor\n\nDizi: thanks · adım: tell · müşteri no: c-7\n"
    assert "unsubscribe" not in str(to_staff.headers).lower()
    assert (office.enrolment().state, office.errand().state, to_customer.step) == ("finished", "done", "hello")


def test_a_repeated_walk_tells_nobody_twice(office: Office) -> None:
    office.deploy(make_plan(notify()))
    office.order(office.customer(), NOON)

    for minutes in range(4):
        office.tick(NOON + minutes * MINUTE)

    assert (len(office.email.got), office.states()) == (1, ["done"])


def test_each_of_a_team_gets_one_of_their_own(office: Office) -> None:
    team = Team("care-team", ("a@ornek.example", "b@ornek.example", "c@ornek.example"))
    office.knows(Outside(teams={"care-team": team}))
    office.deploy(make_plan(notify()))
    office.order(office.customer("Ayşe"), NOON)
    office.order(office.customer("Bora"), NOON)

    office.tick(NOON + MINUTE)
    office.tick(NOON + HOUR)

    assert sorted(office.email.addresses) == sorted(2 * team.email)
    assert len({mail.ref for mail in office.email.got}) == 6


def test_a_notice_of_no_journey_goes_once_for_each_key(office: Office) -> None:
    for key, new in (("pool-empty-1", True), ("pool-empty-1", False), ("pool-empty-2", True)):
        with writing(office.database) as connection:
            assert notify_staff(connection, "care-team", key, "Havuzda kod kalmadı.\nYaz indirimi", NOON) is new

    office.run(NOON)

    assert [mail.subject for mail in office.email.got] == ["Havuzda kod kalmadı."] * 2

"""Laws of judging a message and of caps (rules 15 to 17): pure, over any candidates, policies and pasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.strategies import caps, quiet_hours, zones
from vefa.engine.plans import elapsed
from vefa.engine.policy import Candidate, Contact, Counted, Defer, Go, Rival, Skip, counts, judge, over_cap
from vefa.engine.timing import quiet_until
from vefa.plan.policy import Cap, Policy, Rule
from vefa.plan.steps import Message

MANY = settings(max_examples=max(150, settings().max_examples))
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

around = st.integers(-4 * 1_440, 4 * 1_440).map(lambda m: NOW + timedelta(minutes=m))
media = st.sampled_from(("email", "sms"))
purposes = st.sampled_from(("commercial", "transactional"))
rarely = st.sampled_from((False, False, False, False, True))
contacts = st.builds(
    Contact,
    st.just("a@b.example"),
    st.sampled_from((None, None, "no MX")),
    st.sampled_from((None, None, "bounced")),
    st.booleans(),
)
rules = st.builds(Rule, purposes, media, st.booleans(), st.none() | quiet_hours)
policies = st.builds(Policy, st.lists(rules, max_size=4).map(tuple), st.lists(caps, max_size=3).map(tuple))
messages = st.builds(Message, st.just("m"), st.just("m"), st.none(), st.none() | media, st.just("hello"), purposes)


@st.composite
def candidates(draw: st.DrawFn, send_id: int = 1, customer_id: int = 1) -> Candidate:
    return Candidate(
        send_id=send_id,
        enrolment_id=send_id,
        customer_id=customer_id,
        bucket=draw(st.integers(0, 2**31 - 2)),
        zone=draw(zones),
        country=None,
        language=None,
        preferred=draw(st.none() | media),
        active=not draw(rarely),
        leaves="exit: x" if draw(rarely) else None,
        unless=draw(rarely),
        repeated=draw(rarely),
        due_at=draw(around),
        expires_at=draw(st.none() | around),
        not_after=draw(st.none() | around),
        contacts=draw(st.dictionaries(media, contacts)),
    )


shut = st.dictionaries(media, st.integers(1, 300).map(lambda s: NOW + timedelta(seconds=s)))


@MANY
@given(candidates(), messages, policies, shut)
def test_a_message_goes_only_where_nothing_stands_against_it(
    one: Candidate, message: Message, policy: Policy, closed: dict[str, datetime]
) -> None:
    verdict = judge(one, message, policy, NOW, closed)

    if not isinstance(verdict, Go):
        return
    contact, rule = one.contacts[verdict.medium], policy.rule(message.purpose, verdict.medium)
    assert one.active
    assert one.leaves is None
    assert not one.unless
    assert not one.repeated
    assert contact.undeliverable is None
    assert contact.suppressed is None
    assert contact.consent or not rule.consent
    assert message.medium in (None, verdict.medium)
    assert verdict.medium not in closed
    assert rule.quiet is None or quiet_until(NOW, rule.quiet, one.zone) is None
    assert one.not_after is None or one.not_after >= NOW
    assert one.expires_at is None or one.expires_at > NOW


@MANY
@given(candidates(), messages, policies, shut)
def test_what_is_put_off_is_put_off_into_the_future_and_never_past_its_end(
    one: Candidate, message: Message, policy: Policy, closed: dict[str, datetime]
) -> None:
    verdict = judge(one, message, policy, NOW, closed)

    if not isinstance(verdict, Defer):
        return
    assert verdict.until > NOW
    if verdict.expires is not None:
        assert verdict.until <= verdict.expires
        assert one.not_after is None or verdict.until <= one.not_after
        assert one.expires_at is None or verdict.expires == one.expires_at


@MANY
@given(candidates(), messages, policies)
def test_only_who_leaves_is_made_to_leave(one: Candidate, message: Message, policy: Policy) -> None:
    verdict = judge(one, message, policy, NOW, {})

    leaving = isinstance(verdict, Skip) and verdict.leave
    assert leaving == (one.active and one.leaves is not None)


@MANY
@given(candidates(), messages, policies, st.sampled_from(("email", "sms")))
def test_who_prefers_a_channel_gets_it_where_it_is_allowed(
    one: Candidate, message: Message, policy: Policy, other: str
) -> None:
    verdict = judge(one, message, policy, NOW, {})

    if isinstance(verdict, Go) and message.medium is None and verdict.medium != (one.preferred or "email"):
        wanted = one.contacts.get(one.preferred or "email")
        consent = policy.rule(message.purpose, one.preferred or "email").consent
        assert wanted is None or wanted.undeliverable or wanted.suppressed or (consent and not wanted.consent)


# --- caps ----------------------------------------------------------------------------------------------------------

Going = list[tuple[Candidate, Message, Go]]
pasts = st.lists(
    st.builds(
        Counted,
        st.integers(1, 2),
        purposes,
        media,
        st.integers(-9 * 1_440, 0).map(lambda m: NOW + timedelta(minutes=m)),
    ),
    max_size=6,
)


@st.composite
def queues(draw: st.DrawFn) -> tuple[Going, list[Rival]]:
    """Messages on their way, and all rivals: they themselves, and others' of any rank."""
    going: Going = []
    rivals: list[Rival] = []
    for send_id in range(1, draw(st.integers(1, 6)) + 1):
        customer, purpose = draw(st.integers(1, 2)), draw(purposes)
        rank = (draw(st.integers(0, 2)), draw(around), send_id)
        chosen, medium = draw(st.none() | media), draw(media)
        if draw(st.booleans()):
            one = draw(candidates(send_id, customer))
            message = Message("m", "m", None, chosen, "hello", purpose)
            going.append((one, message, Go(chosen or medium)))
        rivals.append(Rival(send_id, customer, purpose, chosen, rank))
    return going, rivals


def goes(going: Going, stopped: dict[int, object]) -> Going:
    return [each for each in going if each[0].send_id not in stopped]


def in_window(cap: Cap, past: Iterable[Counted], customer: int) -> int:
    since = NOW - elapsed(cap.within)
    return sum(p.customer_id == customer and p.claimed_at > since and counts(cap, p.purpose, p.medium) for p in past)


@MANY
@given(queues(), policies, pasts)
def test_no_cap_is_ever_gone_over(queue: tuple[Going, list[Rival]], policy: Policy, past: list[Counted]) -> None:
    going, rivals = queue

    through = goes(going, over_cap(going, policy, past, rivals, NOW))

    after = [*past, *(Counted(one.customer_id, m.purpose, go.medium, NOW) for one, m, go in through)]
    for cap in policy.caps:
        for customer in {one.customer_id for one, _, _ in through}:
            new = [t for t in through if t[0].customer_id == customer and counts(cap, t[1].purpose, t[2].medium)]
            assert not new or in_window(cap, after, customer) <= cap.limit


@MANY
@given(queues(), policies, pasts)
def test_who_is_stopped_waits_until_a_place_may_be_free_or_is_skipped(
    queue: tuple[Going, list[Rival]], policy: Policy, past: list[Counted]
) -> None:
    going, rivals = queue

    for verdict in over_cap(going, policy, past, rivals, NOW).values():
        assert isinstance(verdict, Defer | Skip)
        if isinstance(verdict, Defer):
            assert verdict.until > NOW
            assert verdict.expires is not None
            assert verdict.until <= verdict.expires


@MANY
@given(queues(), policies, pasts)
def test_without_a_full_cap_everybody_goes(
    queue: tuple[Going, list[Rival]], policy: Policy, past: list[Counted]
) -> None:
    going, rivals = queue
    roomy = Policy(policy.rules, tuple(Cap(c.name, 99, c.within, c.purpose, c.medium) for c in policy.caps))

    assert over_cap(going, roomy, past, rivals, NOW) == {}


@MANY
@given(queues(), policies, pasts)
def test_the_past_of_others_decides_nothing(
    queue: tuple[Going, list[Rival]], policy: Policy, past: list[Counted]
) -> None:
    going, rivals = queue

    def of(customer: int, among: Sequence[object]) -> list[object]:
        return [x for x in among if getattr(x, "customer_id", None) == customer]

    together = over_cap(going, policy, past, rivals, NOW)

    alone: dict[int, object] = {}
    by_customer: defaultdict[int, Going] = defaultdict(list)
    for each in going:
        by_customer[each[0].customer_id].append(each)
    for customer, mine in by_customer.items():
        alone |= over_cap(mine, policy, of(customer, past), of(customer, rivals), NOW)
    assert together == alone


@MANY
@given(queues(), policies, pasts)
def test_the_most_important_goes_before_its_like(
    queue: tuple[Going, list[Rival]], policy: Policy, past: list[Counted]
) -> None:
    going, rivals = queue
    ranks = {rival.send_id: rival.rank for rival in rivals}

    stopped = over_cap(going, policy, past, rivals, NOW)

    through = goes(going, stopped)
    for one, message, go in going:
        alike = [
            ranks[t[0].send_id]
            for t in through
            if (t[0].customer_id, t[1].purpose, t[2].medium) == (one.customer_id, message.purpose, go.medium)
        ]
        if one.send_id in stopped:
            assert all(rank < ranks[one.send_id] for rank in alike)

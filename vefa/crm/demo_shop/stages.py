"""How returns and tickets of the demo shop went between the moments that their own rows hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from vefa.crm.demo_shop.draws import Draws
from vefa.crm.demo_shop.lives import Span
from vefa.crm.demo_shop.loading import Columns
from vefa.crm.states import SAID
from vefa.database import DAY

#: (kind, object, moment, state) of what somebody at the shop has entered.
Stage = tuple[str, int, int, str]


def draw_stages(draws: Draws, returns: Columns, tickets: Columns, span: Span) -> Columns:
    """Rows of `object_states`: each object's numbered on from 1 in the order of time."""
    told = sorted(
        stage for stage in (*_returns(draws, returns, span), *_tickets(draws, tickets)) if stage[2] <= span.end
    )
    numbered = [(n, stage) for _, same in groupby(told, lambda s: s[:2]) for n, stage in enumerate(same, 1)]
    moments = [stage[2] for _, stage in numbered]
    return {
        "kind": [stage[0] for _, stage in numbered],
        "object_id": [stage[1] for _, stage in numbered],
        "n": [n for n, _ in numbered],
        "state": [stage[3] for _, stage in numbered],
        "origin": [SAID] * len(numbered),
        "changed_at": moments,
        "known_at": moments,
    }


def _returns(draws: Draws, rows: Columns, span: Span) -> Iterator[Stage]:
    """Nearly all are approved within a day and seen on their way; of those that get no money some were not taken."""
    count = len(rows["id"])
    chances = draws.source.random((count, 4)).tolist()
    told = zip(rows["id"], rows["requested_at"], rows["received_at"], rows["refunded_at"], chances, strict=True)
    for number, requested, received, refunded, (approves, soon, ships, refuses) in told:
        approved = requested + int((0.02 + 0.9 * soon) * DAY)
        if approves < 0.95:
            yield "return", number, approved, "approved"
        if ships < 0.9:
            last = received or requested + 4 * DAY
            yield "return", number, max(approved + DAY // 50, last - int((0.5 + ships) * DAY)), "shipped"
        if received and not refunded and received < span.end - 5 * DAY and refuses < 0.8:
            yield "return", number, received + int((1 + 2 * refuses) * DAY), "rejected"


def _tickets(draws: Draws, rows: Columns) -> Iterator[Stage]:
    """In a quarter of them the customer has to say something more between the first answer and the solution."""
    count = len(rows["id"])
    told = zip(rows["id"], rows["answered_at"], rows["resolved_at"], draws.source.random(count).tolist(), strict=True)
    for number, answered, resolved, chance in told:
        if answered and resolved and chance < 0.25:
            yield "ticket", number, answered + int((resolved - answered) * (0.2 + chance)), "waiting"

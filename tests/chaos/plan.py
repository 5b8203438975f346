"""Which blows fall, and in which order: all drawn from a seed before anything begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random

from tests.chaos.blows import Blow, Clock, CutOff, FullDisk, FullServerDisk, Kill, Lock, ReadOnly, Vanish, Wire
from tests.chaos.proxy import Close, Cut, Fault, Say, Silence

KILLED = ("killed at a moment", "killed at a byte")
#: Bytes of a request of ten e-mails, and of an answer, that a cut may fall on; some cuts fall behind the end.
REQUEST, ANSWER = 12_000, 200
#: Bytes that a run adds to the log of changes at least: of SQLite, of PostgreSQL.
LOG, SERVER_LOG = 700_000, 150_000
#: The first requests of a run, one of which a fault on the wire falls on.
FIRST = 6


def _http(status: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers]).encode() + b"\r\n\r\n" + body


_PAGE = b"<html><body>Please log in to this network</body></html>"
_NOISE = b"\x16\x03\x01\x00\xa5 no HTTP at all\r\n\r\n"
NONSENSE: tuple[Fault, ...] = (
    Close(),
    Say(_NOISE),
    Say(_NOISE, takes=True),
    Say(_http("200 OK", "Content-Type: text/html", body=_PAGE)),
    Say(_http("202 Accepted", body=b"short", length=1000), takes=True),
    # More than the answer says: nobody may take the rest for the next one's answer.
    Say(_http("202 Accepted") + _http("202 Accepted"), takes=True, stays_open=True),
)


def _on_one_of_the_first(chance: Random, fault: Fault) -> tuple[Fault | None, ...]:
    return (*[None] * chance.randrange(FIRST), fault)


def _cut(chance: Random, kills: bool = False) -> Fault:
    if chance.random() < 0.5:
        return Cut("request", chance.randrange(REQUEST), kills)
    return Cut("answer", chance.randrange(ANSWER), kills)


def _wire(fault: Callable[[Random], Fault]) -> Callable[[Random], Blow]:
    def draw(chance: Random) -> Blow:
        return Wire(_on_one_of_the_first(chance, fault(chance)), _on_one_of_the_first(chance, fault(chance)))

    return draw


def _storm(chance: Random) -> Blow:
    busy = [Say(_http("429 Too Many Requests", f"Retry-After: {chance.randint(1, 90)}")) for _ in range(8)]
    return Wire(tuple(busy), tuple(busy), sure=True)


def _errors(chance: Random) -> Blow:
    faults = tuple(Say(_http("500 Oops"), takes=chance.random() < 0.5) for _ in range(3))
    return Wire(faults, faults)


def _full_disk(chance: Random) -> Blow:
    if chance.random() < 0.5:
        return FullDisk(pages=chance.randrange(6))
    return FullDisk(log=chance.randrange(LOG))


def _forward(chance: Random) -> Blow:
    return Clock(timedelta(days=3), timedelta(days=3))


def _backward(chance: Random) -> Blow:
    return Clock(-timedelta(hours=2), -timedelta(hours=2))


FAULTS: Mapping[str, Callable[[Random], Blow]] = {
    "cut in a request or an answer": _wire(_cut),
    "storm of 429": _storm,
    "500": _errors,
    "nonsense for an answer": _wire(lambda chance: chance.choice(NONSENSE)),
    "no answer": _wire(lambda chance: Silence(takes=chance.random() < 0.5)),
    "database locked": lambda chance: Lock(chance.random()),
    "database gone": lambda chance: Vanish(chance.random()),
    "clock 3 days ahead": _forward,
    "clock 2 hours back": _backward,
}
ONLY: Mapping[str, Mapping[str, Callable[[Random], Blow]]] = {
    "sqlite": {"disk full": _full_disk},
    "postgresql": {
        "connections cut off": lambda chance: CutOff(tuple(chance.random() for _ in range(3))),
        "read only": lambda chance: ReadOnly(chance.random()),
        "disk full": lambda chance: FullServerDisk(chance.randrange(SERVER_LOG)),
    },
}


def faults_on(database: str, workers: int) -> Mapping[str, Callable[[Random], Blow]]:
    """Each fault that can befall so many workers on that database. Two of them may also find nothing in their way but
    each other."""
    peace: Mapping[str, Callable[[Random], Blow]] = {"two workers in peace": lambda _: Blow()} if workers > 1 else {}
    return {**FAULTS, **ONLY[database], **peace}


def kill_at_a_moment(chance: Random, workers: int) -> Blow:
    """Some moment of a run; of two workers one or both."""
    shares: list[float | None] = [chance.uniform(0, 1.3) for _ in range(workers)]
    if workers > 1 and chance.random() < 0.5:
        shares[chance.randrange(workers)] = None
    return Kill(tuple(shares))


def _kill_at_a_byte(chance: Random) -> Blow:
    return Wire(_on_one_of_the_first(chance, _cut(chance, kills=True)))


def draw(chance: Random, database: str, workers: int, kills: int, repeats: int) -> Sequence[tuple[str, Blow]]:
    """So many kills, a quarter of them at a byte of a request or an answer, and each fault so often; well mixed."""
    at_bytes = kills // 4
    plan = [(KILLED[1], _kill_at_a_byte(chance)) for _ in range(at_bytes)]
    plan += [(KILLED[0], kill_at_a_moment(chance, workers)) for _ in range(kills - at_bytes)]
    faults = faults_on(database, workers)
    plan += [(name, fault(chance)) for name, fault in faults.items() for _ in range(repeats)]
    chance.shuffle(plan)
    return plan

"""An İYS on loopback: logs in, keeps consents, answers questions, takes words in and tells of changes page by page.

`python -m vefa.channels.fakes.iys --port 4013`, then set `iys: {base_url: "http://127.0.0.1:4013"}`.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import orjson

from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.server import FakeServer
from vefa.clock import Clock, system_clock

ZONE = ZoneInfo("Europe/Istanbul")
TYPES, RECIPIENT_TYPES, STATUSES = ("ARAMA", "MESAJ", "EPOSTA"), ("BIREYSEL", "TACIR"), ("ONAY", "RET")

#: How often each may be asked: times, in so many seconds.
LIMITS: Mapping[str, tuple[int, int]] = {
    "token": (10, 3600),
    "request": (2, 60),
    "outcome": (100, 60),
    "status": (10, 60),
    "changes": (100, 60),
}
MOST_ROWS, MOST_RECIPIENTS, MOST_CHANGES = 10_000, 1_000, 500

_PATH = re.compile(r"/sps/(?P<code>\d+)/brands/(?P<brand>\d+)/(?P<rest>.+)")
_STATUS = re.compile(r"consents/(?P<who>BIREYSEL|TACIR)/status/(?P<type>ARAMA|MESAJ|EPOSTA)")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")

Key = tuple[str, str, str]
Problem = tuple[str, str]


@dataclass(frozen=True)
class Record:
    """What is known of one recipient by one way."""

    type: str
    recipient: str
    recipient_type: str
    status: str
    said_at: str
    source: str

    @property
    def key(self) -> Key:
        return self.type, self.recipient, self.recipient_type

    def as_json(self, number: int) -> dict[str, Any]:
        return {
            "type": self.type,
            "recipient": self.recipient,
            "recipientType": self.recipient_type,
            "status": self.status,
            "consentDate": self.said_at,
            "source": self.source,
            "transactionId": f"t-{number}",
        }


@dataclass
class Request:
    """Words that were handed in, and what became of each. `polls`: how often it says first that they wait."""

    outcomes: Sequence[Problem | None]
    polls: int


@dataclass
class FakeIys(FakeServer):
    """One service provider's İYS. `known` is what it knows by key, `changes` all that happened, in order.

    `overlap`: each page of changes begins with so many of the page before. `waits`: how often a request is first said
    to wait. `limits={}` lets everything through.
    """

    port: int = 0
    login: tuple[str, str] = ("api-user", "made-up")
    token_seconds: int = 3600
    limits: Mapping[str, tuple[int, int]] = field(default_factory=lambda: LIMITS)
    overlap: int = 0
    waits: int = 0
    clock: Clock = system_clock
    known: dict[Key, Record] = field(default_factory=dict)
    changes: list[Record] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    handed_in: list[list[dict[str, Any]]] = field(default_factory=list)
    logins: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.port)
        self._tokens: dict[str, datetime] = {}
        self._requests: dict[str, Request] = {}
        self._times: dict[str, deque[datetime]] = defaultdict(deque)

    # --- what a test does

    def say(
        self,
        recipient: str,
        status: str,
        at: datetime,
        *,
        source: str = "IYS_WEB",
        recipient_type: str = "BIREYSEL",
    ) -> Record:
        """A recipient's word to İYS itself, or with a source HS_… one that the shop has handed in elsewhere."""
        kind = "EPOSTA" if "@" in recipient else "MESAJ"
        said_at = at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        record = Record(kind, recipient, recipient_type, status, said_at, source)
        self._keep(record)
        return record

    def expire_tokens(self) -> None:
        """Nobody is logged in any more."""
        self._tokens.clear()

    def status_of(self, recipient: str, recipient_type: str = "BIREYSEL") -> str | None:
        """What İYS says of a recipient."""
        found = self.known.get(("EPOSTA" if "@" in recipient else "MESAJ", recipient, recipient_type))
        return None if found is None else found.status

    # --- what it answers

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        parts = urlsplit(asked.path)
        if parts.path == "/oauth2/token":
            return self._limited("token", lambda: self._login(asked))
        found = _PATH.fullmatch(parts.path)
        if found is None:
            return _problem(404, "H404", "not found")
        if not self._knows(asked.headers.get("Authorization", "")):
            return _problem(401, "H351", "Eksik veya geçersiz jeton!")
        query = dict(parse_qsl(parts.query))
        rest = found["rest"]
        if rest == "consents/changes" and asked.method == "GET":
            return self._limited("changes", lambda: self._page(query))
        if rest == "consents/request" and asked.method == "POST":
            return self._limited("request", lambda: self._take(_json(asked.body), keep=keep))
        if rest.startswith("consents/request/") and asked.method == "GET":
            return self._limited("outcome", lambda: self._outcome(rest.rpartition("/")[2]))
        if (status := _STATUS.fullmatch(rest)) and asked.method == "POST":
            return self._limited("status", lambda: self._approved(status["type"], status["who"], _json(asked.body)))
        return _problem(404, "H404", "not found")

    def _limited(self, key: str, answer: Callable[[], Answer]) -> Answer:
        if key in self.limits:
            times, seconds = self.limits[key]
            seen, now = self._times[key], self.clock()
            while seen and now - seen[0] >= timedelta(seconds=seconds):
                seen.popleft()
            if len(seen) >= times:
                code = "H084" if key == "token" else "H124"
                return _problem(429, code, "Kabul edilen istek limitine ulaşıldı.")
            seen.append(now)
        return answer()

    def _login(self, asked: Asked) -> Answer:
        given = _json(asked.body)
        if not isinstance(given, dict):
            return _problem(400, "H250", "Kullanıcı adı veya şifre eksik!")
        by_password = (given.get("username"), given.get("password")) == self.login
        kept = given.get("refresh_token") in {f"r-{token}" for token in self._tokens}
        ways = {"password": by_password, "refresh_token": kept}
        if not ways.get(str(given.get("grant_type"))):
            return _problem(401, "H251", "Kullanıcı kimlik bilgileri geçersiz!")
        self.logins += 1
        token = f"token-{self.logins}"
        self._tokens[token] = self.clock() + timedelta(seconds=self.token_seconds)
        body = {
            "access_token": token,
            "expires_in": self.token_seconds,
            "refresh_token": f"r-{token}",
            "refresh_expires_in": 2 * self.token_seconds,
            "token_type": "bearer",
        }
        return Answer(200, orjson.dumps(body))

    def _knows(self, authorization: str) -> bool:
        until = self._tokens.get(authorization.removeprefix("Bearer "))
        return until is not None and self.clock() < until

    def _page(self, query: Mapping[str, str]) -> Answer:
        ours = [
            (n, one) for n, one in enumerate(self.changes, 1) if one.source.startswith(query.get("source", "IYS") + "_")
        ]
        after, limit = query.get("after", ""), min(int(query.get("limit", "100")), MOST_CHANGES)
        begin = int(after.removeprefix("n-") or 0) if after else 0
        later = [n for n, _ in ours if n > begin]
        first = later[0] if later else len(self.changes) + 1
        before = [n for n, _ in ours if n < first][-self.overlap :] if self.overlap and later else []
        chosen = {*before, *later[:limit]}
        page = [one.as_json(n) for n, one in ours if n in chosen]
        last = max(chosen, default=begin)
        return Answer(200, orjson.dumps({"after": f"n-{last}" if last else None, "list": page}))

    def _approved(self, kind: str, who: str, body: Any) -> Answer:
        recipients = body.get("recipients") if isinstance(body, dict) else None
        if not isinstance(recipients, list) or not 0 < len(recipients) <= MOST_RECIPIENTS:
            return _problem(422, "H127", f"1 to {MOST_RECIPIENTS} recipients")
        self.asked.append(recipients)
        yes = [one for one in recipients if (found := self.known.get((kind, one, who))) and found.status == "ONAY"]
        return Answer(200, orjson.dumps({"requestId": f"q-{len(self.asked)}", "list": yes}))

    def _take(self, rows: Any, *, keep: bool) -> Answer:
        if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS:
            return _problem(422, "H091", f"1 to {MOST_ROWS} rows")
        number = f"request-{len(self._requests) + 1}"
        if keep:
            self.handed_in.append(rows)
            seen: set[Key] = set()
            self._requests[number] = Request([self._handed_in(row, seen) for row in rows], self.waits)
        waiting = [{"index": n, "subRequestId": f"{number}.{n}"} for n in range(len(rows))]
        return Answer(202, orjson.dumps({"requestId": number, "subRequests": waiting}))

    def _handed_in(self, row: Mapping[str, Any], seen: set[Key]) -> Problem | None:
        record = Record(
            str(row.get("type")),
            str(row.get("recipient")),
            str(row.get("recipientType")),
            str(row.get("status")),
            str(row.get("consentDate")),
            str(row.get("source")),
        )
        if record.key in seen:
            return "H194", "Liste içinde izinler tekrarlanamaz."
        seen.add(record.key)
        if (problem := self._complaint(record)) is None:
            self._keep(record)
        return problem

    def _complaint(self, one: Record) -> Problem | None:
        shape = _PHONE if one.type == "MESAJ" else _EMAIL
        said = _moment(one.said_at)
        before = self.known.get(one.key)
        checks = (
            (one.type not in TYPES or one.recipient_type not in RECIPIENT_TYPES, ("H117", "type")),
            (one.status not in STATUSES, ("H115", "ONAY, RET")),
            (not one.source.startswith("HS_"), ("H119", "source")),
            (not shape.fullmatch(one.recipient), ("H122", "recipient")),
            (said is None, ("H158", "yyyy-mm-dd hh:mm:ss")),
            (said is not None and said > self.clock(), ("H162", "in the future")),
            (before is None and one.status == "RET", ("H175", "İlk defa kaydedilen bir izin RET olmamalıdır.")),
            (before is not None and before.said_at > one.said_at, ("H178", "older than what is known")),
            (before is not None and before.status == one.status, ("H174", "farklı bir durum girilmelidir")),
        )
        return next((problem for wrong, problem in checks if wrong), None)

    def _outcome(self, number: str) -> Answer:
        request = self._requests.get(number)
        if request is None:
            return _problem(404, "H093", "requestId bulunamadı.")
        if request.polls > 0:
            request.polls -= 1
            told: list[dict[str, Any]] = [{"index": n, "status": "enqueue"} for n in range(len(request.outcomes))]
        else:
            told = [_told(n, problem) for n, problem in enumerate(request.outcomes)]
        return Answer(200, orjson.dumps({"requestId": number, "subRequests": told}))

    def _keep(self, record: Record) -> None:
        before = self.known.get(record.key)
        if before is None or before.said_at <= record.said_at:
            self.known[record.key] = record
        self.changes.append(replace(record))


def _told(n: int, problem: Problem | None) -> dict[str, Any]:
    if problem is None:
        return {"index": n, "status": "success", "transactionId": f"t{n}"}
    return {"index": n, "status": "failure", "error": {"code": problem[0], "message": problem[1]}}


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    except ValueError:
        return None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _problem(status: int, code: str, message: str) -> Answer:
    return Answer(status, orjson.dumps({"code": code, "message": message}))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m vefa.channels.fakes.iys", description=__doc__)
    parser.add_argument("--port", type=int, default=4013)
    with FakeIys(port=parser.parse_args().port) as fake:
        print(f"İYS's stand-in listens at {fake.url}; user and password {' '.join(fake.login)}", flush=True)
        try:
            fake.wait()
        except KeyboardInterrupt:
            print(f"{len(fake.known)} recipients known")


if __name__ == "__main__":
    main()

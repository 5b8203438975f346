"""Speaking to İYS: each call once, within İYS's limits, and with an error of our own for each way it can end badly.

Nothing of an answer but codes and what it is asked for gets any further: messages may quote an address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import httpx

from vefa.channels.loopback import is_loopback
from vefa.consent.answers import (
    CHANGES,
    Feed,
    IysBusy,
    IysDenied,
    IysRefused,
    IysUnreachable,
    Outcome,
    Page,
)
from vefa.consent.words import KINDS, Word, read_change
from vefa.plan.steps import Medium
from vefa.settings import Iys


class Tokens(Protocol):
    """The key to İYS, shared by all who ask it."""

    def current(self, login: Callable[[Mapping[str, str]], Mapping[str, Any]]) -> str:
        """A token that is good for now; where there is none, the one that `login` gets."""

    def forget(self, token: str) -> None:
        """That token is good no longer, whatever it said of itself."""


class Pace(Protocol):
    """How often İYS may be asked, for all workers together."""

    def leave(self, name: str) -> None:
        """Wait until a call of that name may be made. Raises IysBusy where that would take too long."""

    def quiet(self, name: str, seconds: float) -> None:
        """İYS wants no call of that name for so long."""


class IysClient:
    """One service provider's way to İYS. Safe to use from several threads."""

    def __init__(self, iys: Iys, user: str, password: str, *, timeout: float, tokens: Tokens, pace: Pace) -> None:
        self._user, self._password, self._tokens, self._pace = user, password, tokens, pace
        self._path = f"/sps/{iys.code}/brands/{iys.brand_code}/"
        local = is_loopback(httpx.URL(iys.base_url).host)
        self._http = httpx.Client(base_url=iys.base_url, timeout=timeout, trust_env=not local, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def changes(self, feed: Feed, after: str | None) -> Page:
        """What was said after the cursor, the oldest first; without one from the beginning."""
        given = {"source": feed, "limit": str(CHANGES), **({"after": after} if after else {})}
        body = self._ask("changes", "GET", "consents/changes", params=given)
        try:
            rows = body.get("list") or []
            found = [read_change(row) for row in rows]
            cursor = body.get("after")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise IysUnreachable("İYS's changes cannot be read.") from error
        return Page(tuple(one for one in found if one), str(cursor) if cursor else after, len(rows))

    def approved(self, medium: Medium, recipient_type: str, recipients: Sequence[str]) -> frozenset[str]:
        """Those of at most 1,000 recipients that stand as ONAY now."""
        path = f"consents/{recipient_type}/status/{KINDS[medium]}"
        body = self._ask("status", "POST", path, json={"recipients": list(recipients)})
        found = body.get("list") if isinstance(body, dict) else None
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise IysUnreachable("İYS's answer on consents cannot be read.")
        return frozenset(found)

    def hand_in(self, words: Sequence[Word]) -> str:
        """Give İYS at most 10,000 words, each recipient once; the number to ask what became of them."""
        body = self._ask("request", "POST", "consents/request", json=[word.as_json() for word in words])
        number = body.get("requestId") if isinstance(body, dict) else None
        if not isinstance(number, str) or not number:
            raise IysUnreachable("İYS gave no number for what it took.")
        return number

    def outcomes(self, number: str) -> tuple[Outcome, ...]:
        """What has become of the words by now; those that still wait are left out."""
        body = self._ask("outcome", "GET", f"consents/request/{number}")
        rows: Any = body.get("subRequests") if isinstance(body, dict) else body
        try:
            return tuple(one for row in rows if (one := _outcome(row)) is not None)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise IysUnreachable("İYS's answer on a request cannot be read.") from error

    # --- underneath

    def _ask(self, name: str, method: str, path: str, **given: Any) -> Any:
        token = self._tokens.current(self._login)
        answer = self._send(name, method, self._path + path, token, **given)
        if answer.status_code == 401:  # ended earlier than it said
            self._tokens.forget(token)
            token = self._tokens.current(self._login)
            answer = self._send(name, method, self._path + path, token, **given)
        return self._heard(name, answer)

    def _login(self, given: Mapping[str, str]) -> Mapping[str, Any]:
        self._pace.leave("token")
        by_password = {"username": self._user, "password": self._password, "grant_type": "password"}
        body = self._heard("token", self._call("POST", "/oauth2/token", json=dict(given) or by_password))
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise IysUnreachable("İYS gave no token.")
        return body

    def _send(self, name: str, method: str, path: str, token: str, **given: Any) -> httpx.Response:
        self._pace.leave(name)
        return self._call(method, path, headers={"Authorization": f"Bearer {token}"}, **given)

    def _heard(self, name: str, answer: httpx.Response) -> Any:
        try:
            return _read(answer)
        except IysBusy as busy:
            self._pace.quiet(name, busy.seconds)
            raise

    def _call(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise IysUnreachable(f"İYS does not answer ({type(error).__name__}).") from None


def _outcome(row: Mapping[str, Any]) -> Outcome | None:
    status, place = row["status"], int(row["index"])
    if status == "success":
        return Outcome(place, True)
    if status != "failure":
        return None
    error = row.get("error") or {}
    return Outcome(place, False, _code(error))


def _read(answer: httpx.Response) -> Any:
    """The body of a good answer; else the error that stands for it."""
    status = answer.status_code
    try:
        body = answer.json()
    except ValueError:
        body = None
    if status in (200, 201, 202) and body is not None:
        return body
    if status == 429:
        raise IysBusy(_seconds(answer.headers.get("Retry-After"), 3600 if _code(body) == "H084" else 60))
    if status in (401, 403):
        raise IysDenied("İYS does not accept VEFA_IYS_USER and VEFA_IYS_PASSWORD, or the code of the shop or brand.")
    if 400 <= status < 500:
        raise IysRefused(_code(body) or str(status))
    raise IysUnreachable(f"İYS answered {status}, which says nothing.")


def _code(body: Any) -> str:
    """The code of an error, which is all that is kept of it."""
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) and code.isalnum() and len(code) <= 8 else ""


def _seconds(text: str | None, otherwise: float) -> float:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else otherwise

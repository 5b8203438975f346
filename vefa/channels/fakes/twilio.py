"""A Twilio on loopback: creates and lists messages, refuses what the real one refuses, knows its magic numbers.

`python -m vefa.channels.fakes.twilio --port 4011`, then set VEFA_TWILIO_BASE_URL=http://127.0.0.1:4011.
"""

from __future__ import annotations

import argparse
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlsplit

import orjson

from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.server import FakeServer
from vefa.clock import Clock, system_clock

#: what the provider's own test numbers answer: status, code, sentence
MAGIC: Mapping[str, tuple[int, int, str]] = {
    "+15005550001": (400, 21211, "Invalid 'To' Phone Number"),
    "+15005550002": (400, 21612, "Message cannot be sent with the current combination of 'To' and 'From'"),
    "+15005550003": (400, 21408, "Permission to send an SMS has not been enabled for this region"),
    "+15005550004": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "+15005550008": (429, 20429, "Too Many Requests"),
    "+15005550009": (400, 21614, "'To' number is not a valid mobile number"),
}

_PATH = re.compile(r"/2010-04-01/Accounts/(?P<account>[^/]+)/Messages\.json")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"\+[0-9]{5,15}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}")


@dataclass(frozen=True)
class ReceivedSms:
    """One SMS as it was taken."""

    sid: str
    to: str
    sender: str
    text: str
    form: Mapping[str, str]
    at: datetime


@dataclass(frozen=True)
class Complaint:
    """Why a message is not created."""

    status: int
    code: int
    message: str


class FakeTwilio(FakeServer):
    """Takes SMS and keeps them: whole in `received`, or only how many in `taken` (`whole=False`).

    With `account_sid` and `auth_token` any others get 401.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        account_sid: str | None = None,
        auth_token: str | None = None,
        whole: bool = True,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(port)
        self.received: list[ReceivedSms] = []
        self.taken = 0
        self._whole, self._clock = whole, clock
        self._login = (
            None
            if account_sid is None or auth_token is None
            else "Basic " + b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        )

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        parts = urlsplit(asked.path)
        found = _PATH.fullmatch(parts.path)
        if found is None:
            return _refusal(Complaint(404, 20404, f"The requested resource {parts.path} was not found"))
        if not self._knows(asked.headers.get("Authorization", "")):
            return _refusal(Complaint(401, 20003, "Authenticate"))
        if asked.method == "GET":
            return self._listing(dict(parse_qsl(parts.query)))
        form = dict(parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True))
        if complaint := _complaint(form):
            return _refusal(complaint)
        return self._take(found["account"], form, keep=keep)

    def _knows(self, authorization: str) -> bool:
        return authorization.startswith("Basic ") if self._login is None else authorization == self._login

    def _take(self, account: str, form: dict[str, str], *, keep: bool) -> Answer:
        sid = f"SM{self.taken + 1:032x}"
        sms = ReceivedSms(sid, form["To"], form.get("From", ""), form["Body"], form, self._clock())
        if keep:
            self.taken += 1
            if self._whole:
                self.received.append(sms)
        return Answer(201, orjson.dumps({**_resource(sms), "account_sid": account}))

    def _listing(self, query: Mapping[str, str]) -> Answer:
        found = [_resource(sms) for sms in reversed(self.received) if query.get("To", sms.to) == sms.to]
        return Answer(200, orjson.dumps({"messages": found, "page": 0, "next_page_uri": None}))


def _complaint(form: Mapping[str, str]) -> Complaint | None:
    to, sender, service = form.get("To", ""), form.get("From", ""), form.get("MessagingServiceSid", "")
    if to in MAGIC:
        return Complaint(*MAGIC[to])
    checks = (
        (not to, Complaint(400, 21604, "A 'To' phone number is required.")),
        (not _PHONE.fullmatch(to), Complaint(400, 21211, "The 'To' number is not a valid phone number.")),
        (not (sender or service), Complaint(400, 21603, "A 'From' phone number is required.")),
        (bool(sender) and not _SENDER.fullmatch(sender), Complaint(400, 21212, "Invalid 'From' Phone Number")),
        (not form.get("Body"), Complaint(400, 21602, "Message body is required.")),
        (len(form.get("Body", "")) > 1600, Complaint(400, 21617, "The concatenated message body exceeds 1600")),
        (not _good_validity(form.get("ValidityPeriod", "1")), Complaint(400, 30103, "ValidityPeriod: 1 to 36000")),
        ("SendAt" in form and not service, Complaint(400, 35118, "MessagingServiceSid is required to schedule")),
    )
    return next((complaint for wrong, complaint in checks if wrong), None)


def _good_validity(seconds: str) -> bool:
    return seconds.isdecimal() and 1 <= int(seconds) <= 36000


def _resource(sms: ReceivedSms) -> dict[str, object]:
    service = sms.form.get("MessagingServiceSid")
    return {
        "sid": sms.sid,
        "to": sms.to,
        "from": sms.sender or None,
        "messaging_service_sid": service,
        "body": sms.text,
        "status": "accepted" if service else "queued",
        "direction": "outbound-api",
        "num_segments": "0" if service else "1",
        "num_media": "0",
        "date_created": format_datetime(sms.at),
        "error_code": None,
        "error_message": None,
    }


def _refusal(complaint: Complaint) -> Answer:
    body = {
        "code": complaint.code,
        "message": complaint.message,
        "more_info": f"https://www.twilio.com/docs/errors/{complaint.code}",
        "status": complaint.status,
    }
    return Answer(complaint.status, orjson.dumps(body))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m vefa.channels.fakes.twilio", description=__doc__)
    parser.add_argument("--port", type=int, default=4011)
    with FakeTwilio(port=parser.parse_args().port, whole=False) as fake:
        print(f"Twilio's stand-in listens at {fake.url}", flush=True)
        try:
            fake.wait()
        except KeyboardInterrupt:
            print(f"{fake.taken} SMS taken")


if __name__ == "__main__":
    main()

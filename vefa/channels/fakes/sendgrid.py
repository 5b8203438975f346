"""A SendGrid on loopback: `POST /v3/mail/send` with the checks that the real one makes and its published spec does not.

`python -m vefa.channels.fakes.sendgrid --port 4010`, then set VEFA_SENDGRID_BASE_URL=http://127.0.0.1:4010.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.mail_rules import Mistake, mistakes_in
from vefa.channels.fakes.server import FakeServer

LARGEST = 30 * 1024 * 1024


@dataclass(frozen=True)
class ReceivedEmail:
    """One e-mail as its recipient would get it, substitutions made."""

    send_id: str
    to: str
    to_name: str
    sender: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    custom_args: Mapping[str, str]
    categories: tuple[str, ...]
    message_id: str
    reply_to: str = ""


class FakeSendGrid(FakeServer):
    """Takes e-mails and keeps them: whole in `received`, or only their ids in `send_ids` (`whole=False`).

    With `api_key` any other key gets 401. `gives_ids=False` leaves X-Message-Id out of the answers.
    """

    def __init__(
        self, *, port: int = 0, api_key: str | None = None, whole: bool = True, gives_ids: bool = True
    ) -> None:
        super().__init__(port)
        self.received: list[ReceivedEmail] = []
        self.send_ids: list[str] = []
        self._api_key = api_key
        self._whole = whole
        self._gives_ids = gives_ids
        self._accepted_requests = 0

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        if asked.path != "/v3/mail/send":
            return _refusal(404, Mistake(None, "not found"))
        if asked.method != "POST":
            return _refusal(405, Mistake(None, "method not allowed"))
        if not self._knows(asked.headers.get("Authorization", "")):
            return _refusal(401, Mistake(None, "The provided authorization grant is invalid, expired, or revoked"))
        if len(asked.body) > LARGEST:
            return _refusal(413, Mistake(None, "The JSON payload you have included in your request is too large."))
        try:
            mail = orjson.loads(asked.body)
        except orjson.JSONDecodeError:
            return _refusal(400, Mistake(None, "Bad Request"))
        if mistakes := mistakes_in(mail):
            return _refusal(400, *mistakes)
        return self._take(mail, keep=keep)

    def _knows(self, authorization: str) -> bool:
        if self._api_key is None:
            return authorization.startswith("Bearer ") and len(authorization) > len("Bearer ")
        return authorization == f"Bearer {self._api_key}"

    def _take(self, mail: dict[str, Any], *, keep: bool) -> Answer:
        sandbox = mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable", False)
        self._accepted_requests += 1
        message_id = f"fake{self._accepted_requests:018d}"
        if keep and not sandbox:
            self.send_ids += [person.get("custom_args", {}).get("send_id", "") for person in mail["personalizations"]]
            if self._whole:
                self.received += _assembled(mail, message_id)
        headers = {"X-Message-Id": message_id} if self._gives_ids else {}
        return Answer(200 if sandbox else 202, headers=headers)


def _assembled(mail: Mapping[str, Any], message_id: str) -> Iterator[ReceivedEmail]:
    bodies = {part["type"]: part["value"] for part in mail.get("content", ())}
    for person in mail["personalizations"]:
        tags = person.get("substitutions", {})
        for recipient in person["to"]:
            yield ReceivedEmail(
                send_id=person.get("custom_args", {}).get("send_id", ""),
                to=recipient["email"],
                to_name=recipient.get("name", ""),
                sender=mail["from"]["email"],
                subject=_substituted(person.get("subject") or mail.get("subject", ""), tags),
                html=_substituted(bodies.get("text/html", ""), tags),
                text=_substituted(bodies.get("text/plain", ""), tags),
                headers={**mail.get("headers", {}), **person.get("headers", {})},
                custom_args={**mail.get("custom_args", {}), **person.get("custom_args", {})},
                categories=tuple(mail.get("categories", ())),
                message_id=message_id,
                reply_to=_substituted(mail.get("reply_to", {}).get("email", ""), tags),
            )


def _substituted(text: str, tags: Mapping[str, str]) -> str:
    """Tag after tag, wherever it stands, in words put in before as well; an empty value leaves nothing."""
    for tag, value in tags.items():
        text = text.replace(tag, value)
    return text


def _refusal(status: int, *mistakes: Mistake) -> Answer:
    errors = [{"message": each.message, "field": each.field} for each in mistakes]
    return Answer(status, orjson.dumps({"errors": errors}))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m vefa.channels.fakes.sendgrid", description=__doc__)
    parser.add_argument("--port", type=int, default=4010)
    with FakeSendGrid(port=parser.parse_args().port, whole=False) as fake:
        print(f"SendGrid's stand-in listens at {fake.url}", flush=True)
        try:
            fake.wait()
        except KeyboardInterrupt:
            print(f"{len(fake.send_ids)} e-mails taken")


if __name__ == "__main__":
    main()

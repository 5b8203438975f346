"""The messages whose requests are held to golden files and, by `make contracts`, to the providers' OpenAPI files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vefa.channels.base import BulkChannel, BulkEmail, Email, Outcome, Outgoing, Sender, Sms
from vefa.channels.sendgrid import SendGridChannel
from vefa.channels.twilio import TwilioChannel
from vefa.skeletons import Skeleton

API_KEY = "SG.made-up"
ACCOUNT, TOKEN = "AC" + "0a" * 16, "made-up-token"
SERVICE = "MG" + "0b" * 16
TIMEOUT = 60.0  # Prism takes its time over a thousand recipients

PEOPLE = 1000
SENDER = Sender("merhaba@ornek.example", "Örnek Mağaza")
TURKISH = "Şükran Hanım, İstanbul'daki siparişin yolda: çiğ köfte, ığdır kayısısı, %20 indirim. Görüşmek üzere!"


@dataclass(frozen=True)
class Case:
    """Messages that go in one call, or one e-mail to many; `validity` and `status_url` are of the SMS channel."""

    name: str
    messages: Sequence[Outgoing] | BulkEmail
    validity: int | None = None
    status_url: str | None = None

    @property
    def provider(self) -> str:
        return "twilio" if self.name.startswith("sms") else "sendgrid"

    def send(self, base_url: str) -> Sequence[Outcome]:
        """By our real channel, one request at a time, so that requests come in the same order each time."""
        if self.provider == "twilio":
            return self._send_sms(base_url)
        channel = SendGridChannel(API_KEY, base_url=base_url, timeout=TIMEOUT, in_flight=1)
        try:
            if not isinstance(self.messages, BulkEmail):
                return channel.deliver(self.messages)
            assert isinstance(channel, BulkChannel)
            return channel.deliver_bulk(self.messages)
        finally:
            channel.close()

    def _send_sms(self, base_url: str) -> Sequence[Outcome]:
        assert not isinstance(self.messages, BulkEmail)
        channel = TwilioChannel(
            ACCOUNT, TOKEN, base_url=base_url, timeout=TIMEOUT, in_flight=1,
            validity_seconds=self.validity, status_url=self.status_url,
        )  # fmt: skip
        try:
            return channel.deliver(self.messages)
        finally:
            channel.close()


def _unsubscribe(number: int) -> dict[str, str]:
    link = f"<https://ornek.example/u/{number}>, <mailto:cik@ornek.example?subject=u{number}>"
    return {"List-Unsubscribe": link, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _letter(number: int) -> Email:
    return Email(
        f"{number}.1", f"musteri{number}@ornek.example", SENDER,
        subject=f"Teşekkürler, {number}. müşterimiz", html=f"<p>{TURKISH}</p><p>№ {number}</p>",
        text=f"{TURKISH}\n№ {number}\n", headers=_unsubscribe(number), journey="order-thank-you", step="email-thanks",
    )  # fmt: skip


def _large(number: int) -> Email:
    return replace(_letter(number), html=f"<h1>№ {number}</h1>" + f"<p>{TURKISH}</p>" * 100)


def _catalogue(number: int) -> Email:
    return replace(_letter(number), subject="Kış kataloğu", html="<p>Kış geldi.</p>", text="Kış geldi.\n")


def _bare(number: int) -> Email:
    return replace(_letter(number), html=f"<p>Merhaba {number}</p>", text="", headers={}, journey="", step="")


def _sms(number: int) -> Sms:
    return Sms(f"{number}.1", f"+90532{number:07d}", "ORNEK", f"Merhaba, {number}. siparişin yolda ş")


def _bulk(people: int) -> BulkEmail:
    skeleton = Skeleton(
        subject=("Teşekkürler, ", 0), html=("<p>Merhaba ", 0, ",</p>", f"<p>{TURKISH}</p>" * 100, "<p>№ ", 1, "</p>"),
        text=("Merhaba ", 0, f",\n{TURKISH}\n№ ", 1, "\n"), slots=2,
    )  # fmt: skip
    numbers = range(1, people + 1)
    headers = [_unsubscribe(number) for number in numbers]
    return BulkEmail(
        skeleton, SENDER,
        refs=[f"{number}.1" for number in numbers], to=[f"musteri{number}@ornek.example" for number in numbers],
        pieces=([f"Şükrü {number}" for number in numbers], [str(number) for number in numbers]),
        headers={name: [each[name] for each in headers] for name in headers[0]},
        reply_to="destek@ornek.example", journey="order-thank-you", step="email-thanks",
    )  # fmt: skip


LETTERS = (
    Case("whole", [_large(1)]),
    Case("shared", [_catalogue(number) for number in (1, 2, 3)]),
    Case("substituted", [_letter(number) for number in (1, 2, 3)]),
    Case("thousand", [replace(_bare(number), text=f"Merhaba {number}") for number in range(1, PEOPLE + 1)]),
    Case("same-address-twice", [_letter(1), replace(_letter(2), to="Musteri1@ornek.example")]),
    Case("reply-to", [replace(_letter(1), reply_to="destek@ornek.example", to_name="Yılmaz, Ayşe;")]),
    Case("domain-with-turkish-letters", [replace(_letter(1), to="ayse@xn--dkkan-kva.example")]),
    Case("html-only-without-a-journey", [_bare(1)]),
    Case("longest-category", [replace(_letter(1), journey="j" * 300)]),
)
MANY = (Case("bulk", _bulk(3)), Case("bulk-thousand", replace(_bulk(PEOPLE), headers={})))
TEXTS = (
    Case("sms-from-a-name", [_sms(1), _sms(2)]),
    Case("sms-from-a-number", [replace(_sms(1), sender="+905320000000")]),
    Case("sms-by-a-messaging-service", [replace(_sms(1), sender=SERVICE)]),
    Case("sms-with-a-validity", [_sms(1)], validity=3600),
    Case("sms-with-a-status-callback", [_sms(1), _sms(2)], status_url="https://vefa.ornek.example/hooks/twilio/status"),
    Case("sms-long-in-turkish", [replace(_sms(1), text=(TURKISH * 16)[:1600])]),
    Case("sms-with-marks", [replace(_sms(1), text="A&B = 100% + 1? €\n“tırnak” 🎁")]),
)
#: E-mail to many belongs to the list from the day on which the channel can send it.
CASES = LETTERS + (MANY if issubclass(SendGridChannel, BulkChannel) else ()) + TEXTS

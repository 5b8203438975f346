"""Messages to send, stand-ins to send them to, and an environment without proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vefa.channels.base import Email, Sender, Sms
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.channels.sendgrid import SendGridChannel
from vefa.channels.twilio import TwilioChannel

SENDER = Sender("merhaba@ornek.example", "Örnek Mağaza")
TIMEOUT = 10.0


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TWILIO_EDGE", "TWILIO_REGION", "SENDGRID_API_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def email() -> Callable[..., Email]:
    """`email(3)`: the third customer's letter; anything else of it by keyword."""

    def make(number: int = 1, **given: Any) -> Email:
        words = {
            "ref": f"{number}.1",
            "to": f"musteri{number}@ornek.example",
            "sender": SENDER,
            "subject": f"Teşekkürler, müşteri {number}",
            "html": f"<p>Merhaba {number}, sipari&#351;in yolda.</p>",
            "text": f"Merhaba {number}, siparişin yolda.",
            "journey": "order-thank-you",
            "step": "email-thanks",
        }
        return Email(**{**words, **given})

    return make


@pytest.fixture
def large(email: Callable[..., Email]) -> Callable[..., Email]:
    """A letter too large to share a request."""

    def make(number: int = 1, **given: Any) -> Email:
        return email(number, **{"html": f"<p>{number}</p>" + "<p>Siparişin yolda.</p>" * 1000, **given})

    return make


@pytest.fixture
def sms() -> Callable[..., Sms]:
    """`sms(3)`: the third customer's SMS."""

    def make(number: int = 1, **given: Any) -> Sms:
        words = {"ref": f"{number}.1", "to": f"+90532{number:07d}", "sender": "ORNEK", "text": f"Merhaba {number} ş"}
        return Sms(**{**words, **given})

    return make


@pytest.fixture
def sendgrid() -> Iterator[FakeSendGrid]:
    """SendGrid's stand-in."""
    with FakeSendGrid(api_key="SG.made-up") as fake:
        yield fake


@pytest.fixture
def sendgrid_channel(sendgrid: FakeSendGrid) -> Iterator[SendGridChannel]:
    """The real channel, at the stand-in."""
    channel = SendGridChannel("SG.made-up", base_url=sendgrid.url, timeout=TIMEOUT, in_flight=2)
    yield channel
    channel.close()


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    """Twilio's stand-in."""
    with FakeTwilio(account_sid="AC0made0up", auth_token="made-up-token") as fake:
        yield fake


@pytest.fixture
def twilio_channel(twilio: FakeTwilio) -> Iterator[TwilioChannel]:
    """The real channel, at the stand-in."""
    channel = TwilioChannel("AC0made0up", "made-up-token", base_url=twilio.url, timeout=TIMEOUT)
    yield channel
    channel.close()

"""Which channel carries a medium: one table, and what each channel needs from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from vefa.channels.base import Channel
from vefa.errors import SettingsError
from vefa.plan.steps import Medium
from vefa.settings import Settings

Clock = Callable[[], datetime]


def make_channel(medium: Medium, settings: Settings, *, clock: Clock | None = None) -> Channel:
    """The channel that the settings name for this medium; SettingsError says which variable is missing.

    `clock` gives the outbox its moments (without one it shows none) and e-mails over SMTP their Date.
    """
    names = {"email": settings.channels.email, "sms": settings.channels.sms}
    return CHANNELS[medium, names[medium]](settings, clock)


def _email_outbox(settings: Settings, clock: Clock | None) -> Channel:
    from vefa.channels.outbox import Outbox

    return Outbox(settings.var / "outbox", "email", clock=clock)


def _sms_outbox(settings: Settings, clock: Clock | None) -> Channel:
    from vefa.channels.outbox import Outbox

    return Outbox(settings.var / "outbox", "sms", clock=clock)


def _sendgrid(settings: Settings, _clock: Clock | None) -> Channel:
    key = _needed(settings.sendgrid_api_key.get_secret_value(), "VEFA_SENDGRID_API_KEY", "email: sendgrid")
    from vefa.channels.sendgrid import SendGridChannel

    return SendGridChannel(
        key,
        base_url=settings.sendgrid_base_url,
        timeout=settings.provider_timeout_seconds,
        in_flight=settings.sends_in_flight,
    )


def _smtp(settings: Settings, clock: Clock | None) -> Channel:
    from vefa.channels.smtp import SmtpChannel

    password = settings.smtp_password.get_secret_value()
    if settings.smtp.user:
        _needed(password, "VEFA_SMTP_PASSWORD", f'email: smtp with the user "{settings.smtp.user}"')
    # the Date of a letter is when it leaves, by the wall clock, unless the caller keeps another
    now = clock or (lambda: datetime.now(UTC))
    return SmtpChannel(settings.smtp, password, clock=now, timeout=settings.provider_timeout_seconds)


def _twilio(settings: Settings, _clock: Clock | None) -> Channel:
    account = _needed(settings.twilio_account_sid, "VEFA_TWILIO_ACCOUNT_SID", "sms: twilio")
    token = _needed(settings.twilio_auth_token.get_secret_value(), "VEFA_TWILIO_AUTH_TOKEN", "sms: twilio")
    from vefa.channels.twilio import TwilioChannel
    from vefa.channels.twilio_hooks import status_url

    minutes = settings.sms_valid_minutes
    return TwilioChannel(
        account,
        token,
        base_url=settings.twilio_base_url,
        timeout=settings.provider_timeout_seconds,
        validity_seconds=None if minutes is None else 60 * minutes,
        status_url=status_url(settings.public_url),
    )


def _needed(value: str, variable: str, channel: str) -> str:
    if not value.strip():
        raise SettingsError(f"the settings say `channels: {channel}`, but {variable} is not set")
    return value


CHANNELS: Mapping[tuple[Medium, str], Callable[[Settings, Clock | None], Channel]] = {
    ("email", "outbox"): _email_outbox,
    ("email", "sendgrid"): _sendgrid,
    ("email", "smtp"): _smtp,
    ("sms", "outbox"): _sms_outbox,
    ("sms", "twilio"): _twilio,
}

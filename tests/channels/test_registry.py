"""Which channel the settings name, and what they must hold for it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from vefa.channels import make_channel
from vefa.channels.outbox import Outbox
from vefa.channels.sendgrid import SendGridChannel
from vefa.channels.smtp import SmtpChannel
from vefa.channels.twilio import TwilioChannel
from vefa.errors import SettingsError
from vefa.settings import Channels, Settings, Smtp


@pytest.mark.parametrize("medium", ["email", "sms"])
def test_without_a_word_everything_goes_to_the_outbox(tmp_path, medium):
    channel = make_channel(medium, Settings(root=tmp_path))

    assert isinstance(channel, Outbox)
    assert (channel.medium, channel.path) == (medium, tmp_path / "var" / "outbox")


@pytest.mark.parametrize(
    ("medium", "given", "kind"),
    [
        ("email", {"channels": Channels(email="sendgrid"), "sendgrid_api_key": "k"}, SendGridChannel),
        ("email", {"channels": Channels(email="smtp")}, SmtpChannel),
        (
            "sms",
            {"channels": Channels(sms="twilio"), "twilio_account_sid": "AC1", "twilio_auth_token": "t"},
            TwilioChannel,
        ),
    ],
)
def test_each_name_is_its_channel(tmp_path, medium, given, kind):
    channel = make_channel(medium, Settings(root=tmp_path, **given))

    assert isinstance(channel, kind)
    assert channel.medium == medium
    channel.close()


@pytest.mark.parametrize(
    ("medium", "given", "variable"),
    [
        ("email", {"channels": Channels(email="sendgrid")}, "VEFA_SENDGRID_API_KEY"),
        ("email", {"channels": Channels(email="smtp"), "smtp": Smtp(user="vefa")}, "VEFA_SMTP_PASSWORD"),
        ("sms", {"channels": Channels(sms="twilio")}, "VEFA_TWILIO_ACCOUNT_SID"),
        ("sms", {"channels": Channels(sms="twilio"), "twilio_account_sid": "AC1"}, "VEFA_TWILIO_AUTH_TOKEN"),
    ],
)
def test_a_missing_key_is_named(tmp_path, medium, given, variable):
    with pytest.raises(SettingsError, match=f"{variable} is not set"):
        make_channel(medium, Settings(root=tmp_path, **given))


@pytest.mark.parametrize("name", ["sendgrid_base_url", "twilio_base_url"])
@pytest.mark.parametrize("url", ["http://api.sendgrid.com", "http://10.0.0.1:80", "ftp://127.0.0.1", "api"])
def test_keys_never_go_over_plain_http_to_another_machine(name, url):
    with pytest.raises(ValidationError, match="https://"):
        Settings(**{name: url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:4010/", "http://localhost:4010"])
def test_plain_http_to_this_machine_is_fine(url):
    assert Settings(sendgrid_base_url=url).sendgrid_base_url == url.rstrip("/")


def test_the_settings_say_how_long_an_sms_is_good_for(tmp_path, twilio, sms):
    given = {
        "channels": Channels(sms="twilio"),
        "twilio_account_sid": "AC0made0up",
        "twilio_auth_token": "made-up-token",
    }
    channel = make_channel("sms", Settings(root=tmp_path, twilio_base_url=twilio.url, sms_valid_minutes=60, **given))

    channel.deliver([sms(1)])
    channel.close()

    assert twilio.received[0].form["ValidityPeriod"] == "3600"

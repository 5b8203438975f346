"""A secret in a file of the shop is refused, with the variable of the environment that it belongs in."""

from __future__ import annotations

from pathlib import Path

import pytest

from vefa.errors import SettingsError
from vefa.settings import SECRETS, load_settings

#: What stands in `config/settings.yaml`, and what the error says.
REFUSED = [
    *((f"{name}: x", f"{name} is a secret .*; set VEFA_{name.upper()} instead") for name in sorted(SECRETS)),
    ("smtp: {password: x}", r"smtp\.password is a secret .*; set VEFA_SMTP_PASSWORD instead"),
    ("iys: {password: x}", r"iys\.password is a secret .*; set VEFA_IYS_PASSWORD instead"),
    ("twilio_api_key: x", "twilio_api_key is a secret"),
    ("database_url: postgresql://shop:hidden@db/shop", "the password in database_url .*; set VEFA_DATABASE_URL"),
    ("database_url: postgresql://db/shop?password=hidden", "the password in database_url .*; set VEFA_DATABASE_URL"),
]


@pytest.mark.parametrize(("line", "says"), REFUSED)
def test_a_secret_in_the_settings_is_refused(shop_root: Path, line: str, says: str) -> None:
    (shop_root / "config" / "settings.yaml").write_text(line)

    with pytest.raises(SettingsError, match=says) as caught:
        load_settings(shop_root)
    assert "hidden" not in str(caught.value)


def test_what_is_no_secret_may_stand_there(shop_root: Path) -> None:
    text = "database_url: postgresql:///shop\nsendgrid_webhook_public_key: MFkw\nsmtp: {user: shop}"
    (shop_root / "config" / "settings.yaml").write_text(text)

    assert load_settings(shop_root).smtp.user == "shop"

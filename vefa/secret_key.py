"""The shop's one secret: it signs links and coupon codes, and keys the hashes of who was erased."""

from __future__ import annotations

import secrets

from vefa.errors import SettingsError
from vefa.files import create_private, make_private_folder
from vefa.settings import Settings


def secret_of(settings: Settings) -> bytes:
    """The key that signs links and coupon codes: VEFA_SECRET_KEY, else one made once and kept in `var/secret.key`.

    A shop on several machines must set the variable, or links signed by one are refused by the other. Raises
    SettingsError where the file cannot be written or read.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        return given.encode()
    path = settings.var / "secret.key"
    try:
        make_private_folder(path.parent)
        if path.exists() and not path.stat().st_size:
            path.unlink()  # a full disk may have left it so; nothing was ever signed with it
        if not path.exists():
            create_private(path, secrets.token_urlsafe(48).encode())
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: the key that signs links cannot be kept there: {error.strerror}") from None

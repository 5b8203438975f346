"""What the providers post to us, signed as they sign it: for tests and rehearsals."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vefa.channels.sendgrid_events import SIGNATURE, TIMESTAMP


class EventSigner:
    """A key pair as SendGrid makes one for its Event Webhook."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """The verification key, for `sendgrid_webhook_public_key`."""
        form = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(form).decode()

    def headers(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """What a request with this body bears at that moment."""
        timestamp = str(int(at.timestamp()))
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: b64encode(signature).decode(), TIMESTAMP: timestamp}


def twilio_signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio puts into X-Twilio-Signature when it posts this form to that address."""
    from twilio.request_validator import RequestValidator

    return str(RequestValidator(auth_token).compute_signature(url, form))

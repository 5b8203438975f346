"""İYS's words and ours: channels, statuses and dates, one table each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from vefa.plan.steps import Medium

ZONE = ZoneInfo("Europe/Istanbul")
PERSON, MERCHANT = "BIREYSEL", "TACIR"
YES, NO = "ONAY", "RET"

#: Our channels in İYS's words. Its third one, ARAMA, is phone calls, which we do not make.
KINDS: Mapping[Medium, str] = {"email": "EPOSTA", "sms": "MESAJ"}
MEDIA: Mapping[str, Medium] = {kind: medium for medium, kind in KINDS.items()}

#: Where a word to the shop can have been said; İYS takes no others from us.
SOURCES = frozenset(
    f"HS_{name}"
    for name in (
        *("WEB", "MOBIL", "FIZIKSEL_ORTAM", "ISLAK_IMZA", "CAGRI_MERKEZI", "EPOSTA", "MESAJ"),
        *("SOSYAL_MEDYA", "EORTAM", "ETKINLIK", "ATM", "KARAR", "2015"),
    )
)
#: Said before the law: İYS knows only this date for it, and takes it however old.
BEFORE_THE_LAW, THE_LAW = "HS_2015", "2015-05-01 00:00:00"


@dataclass(frozen=True)
class Change:
    """Something that was said, as İYS tells it."""

    medium: Medium
    recipient: str
    recipient_type: str
    granted: bool
    said_at: datetime
    source: str
    transaction: str = ""


@dataclass(frozen=True)
class Word:
    """Something that was said to us, for İYS."""

    medium: Medium
    recipient: str
    recipient_type: str
    granted: bool
    said_at: datetime
    source: str

    def as_json(self) -> dict[str, str]:
        """As İYS takes it."""
        return {
            "type": KINDS[self.medium],
            "recipient": self.recipient,
            "recipientType": self.recipient_type,
            "status": YES if self.granted else NO,
            "consentDate": THE_LAW if self.source == BEFORE_THE_LAW else written(self.said_at),
            "source": self.source,
        }


def written(moment: datetime) -> str:
    """A moment in İYS's form: to the second, on Turkey's clock."""
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


def read_moment(text: str) -> datetime:
    """The moment of such a text, in UTC. ValueError for any other."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE).astimezone(UTC)


def whole_second(moment: datetime) -> datetime:
    """The moment as İYS can hold it."""
    return moment.replace(microsecond=0)


def read_change(row: Mapping[str, Any]) -> Change | None:
    """One line of İYS's changes; None for a channel that we do not use. KeyError or ValueError for what is none."""
    medium = MEDIA.get(row["type"])
    if medium is None:
        return None
    if row["status"] not in (YES, NO):
        raise ValueError("a status that is neither ONAY nor RET")
    who = row.get("recipientType") or PERSON
    if who not in (PERSON, MERCHANT):
        raise ValueError("a recipient type that nobody knows")
    recipient = row["recipient"]
    if not isinstance(recipient, str) or not recipient.strip():
        raise ValueError("no recipient")
    said_at, source = read_moment(row["consentDate"]), str(row.get("source") or "IYS")
    granted = row["status"] == YES
    return Change(medium, recipient.strip(), who, granted, said_at, source, str(row.get("transactionId") or ""))

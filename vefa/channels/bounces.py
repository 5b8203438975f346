"""Whether a refusal says that an address is none, or only that its mailbox does not take mail now.

By the enhanced status codes of RFC 3463 where there is one, by the provider's own classification, else by the words
that mail servers use.
"""

from __future__ import annotations

import re

#: Enhanced codes for good: no such mailbox, domain or address (5.1.x), a mailbox that is closed, no such host.
_HARD = re.compile(r"5\.(?:1\.[0-9]{1,3}|2\.1|4\.4)")
#: 4.x.x: for now. 5.2.x: the mailbox is there, and full or taking no more. 5.3.x, 5.4.x, 5.7.x: the mail system, the
#: way to it, its rules.
_SOFT = re.compile(r"4\.[0-9]{1,3}\.[0-9]{1,3}|5\.(?:2|3|4|7)\.[0-9]{1,3}")
_ENHANCED = re.compile(r"(?<![0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")
_BASIC = re.compile(r"^\s*([45][0-9][0-9])(?![0-9])")
_FULL = re.compile(
    r"(mail)?box (is )?full|over ?quota|quota exceeded|exceeded .{0,20}quota|insufficient .{0,10}storage"
)
#: SendGrid's `bounce_classification`, in small letters.
_HARD_LABELS = frozenset({"invalid address"})
_SOFT_LABELS = frozenset({
    "mailbox unavailable", "reputation", "content", "technical", "technical failure",
    "frequency or volume too high",
})  # fmt: skip
#: SMTP codes that stand for a full mailbox.
QUOTA = frozenset({"452", "552"})


def is_soft(status: str, reason: str, label: str = "") -> bool:
    """Whether a bounce is a soft one. What says nothing of itself is hard, as ever."""
    codes = [code for text in (status, reason) for code in _ENHANCED.findall(text)]
    if any(_HARD.fullmatch(code) for code in codes) or label.strip().lower() in _HARD_LABELS:
        return False
    if any(_SOFT.fullmatch(code) for code in codes) or label.strip().lower() in _SOFT_LABELS:
        return True
    basic = next((found[1] for text in (status, reason) if (found := _BASIC.match(text))), "")
    return basic.startswith("4") or basic in QUOTA or bool(_FULL.search(reason.lower()))


def is_mailbox_full(code: int, text: str) -> bool:
    """Whether a mail server's answer says that the mailbox takes no more for now."""
    found = _ENHANCED.findall(text)
    if found:
        return any(each in ("5.2.2", "4.2.2") for each in found)
    return str(code) in QUOTA or bool(_FULL.search(text.lower()))

"""Why somebody did not enter, got no message or left, in words for a person."""

from __future__ import annotations

import re
from collections.abc import Callable

from vefa.language.conditions import EventScope
from vefa.language.english import event_sentence
from vefa.language.wording import MEDIA

#: Outcomes of looking at an event for a journey.
REFUSALS = {
    "entered": "they entered",
    "holdout": "they are in the group that is measured and never written to",
    "where": "it is not the kind the journey asks for (`where`)",
    "audience": "they did not belong to the audience at that moment",
    "re-entry": "they had been in this journey too recently (`reentry`)",
    "already inside once": "this very thing had let them in before",
    "too old": "it was too long ago when we learned of it",
    "before it was live": "the journey was not live yet",
}


def refusal_words(outcome: str) -> str:
    """Why looking at an event let nobody in; an outcome the table does not know speaks for itself."""
    return REFUSALS.get(outcome, outcome)


SUPPRESSIONS = {
    "bounced": "messages to their address came back",
    "soft bounce": "their mailbox was full or refused mail, and rests for some days",
    "opted out": "they wrote STOP to the SMS provider; START lifts it",
    "complained": "they called a message of ours spam",
    "unsubscribed": "they asked not to be written to",
    "blocked": "their provider blocks us",
    "forgotten": "they asked us to forget them",
    "manual": "somebody put them on the list of those not to write to",
}


def _suppressed(match: re.Match[str]) -> str:
    return SUPPRESSIONS.get(match[1], f"their address is suppressed ({match[1]})")


def _exit(match: re.Match[str]) -> str:
    if match[1] == "no longer meant":
        return "the journey was no longer meant for them (`exit: unless`)"
    return event_sentence(EventScope(match[1]), past=True)


def _evidence(match: re.Match[str]) -> str:
    clicked, emails, answered, sms = match.groups()
    return f"they clicked {clicked} of {emails} e-mails, and answered {answered} of {sms} SMS"


#: Why a message was withheld, put off or failed, and why somebody left: the engine's short words and ours.
REASONS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"no (email|sms) consent", lambda m: f"they have not agreed to commercial {MEDIA[m[1]]}"),
    (r"İYS: refused", "they have refused in İYS"),
    (r"İYS: not approved", "İYS has no consent of theirs"),
    (r"İYS: stale", "İYS has not been heard for a day"),
    (r"İYS: not asked", "İYS had not been asked about them yet"),
    (r"no (email|sms) address", lambda m: f"we have no address for {MEDIA[m[1]]}"),
    (r"no address", "we have no address to write to"),
    (r"(email|sms) address cannot be used: (.+)", lambda m: f"their {MEDIA[m[1]]} address cannot be used ({m[2]})"),
    (r"suppressed: (.+)", _suppressed),
    (r"forgotten", "they asked us to forget them"),
    (r"paused", "they asked us to pause for a while"),
    (r"topic: (.+)", lambda m: f"they want nothing of the topic “{m[1]}”"),
    (r"quiet hours", "it was a quiet hour on their clock"),
    (r"open ticket", "a complaint or question of theirs was open"),
    (r"the same mailbox already got it", "another customer's record names the same address, which already got this"),
    (
        r"another record of the same mailbox goes first",
        "another customer's record names the same address, and goes first",
    ),
    (r"cap: (.+)", lambda m: f"they had had as many messages as the limit “{m[1]}” allows"),
    (r"expired \((.+)\)", lambda m: f"it could not go in time: {reason_words(m[1])}"),
    (r"too late", "it had become pointless (`not_after`)"),
    (r"unless", "what the step names under `unless` had come true"),
    (r"already sent under another step", "they had had this template in this journey before"),
    (r"no longer in the journey", "they were no longer in the journey"),
    (r"the (email|sms) channel is closed", lambda m: f"nothing could go by {MEDIA[m[1]]} at that time"),
    (r"clicked (\d+) of (\d+) e-mails, answered (\d+) of (\d+) SMS", _evidence),
    (r"exit: (.+)", _exit),
    (r"left: (.+)", lambda m: f"they left the journey: {reason_words(m[1])}"),
    (r"may have gone before the restore", "it may have gone already, before a backup was restored"),
    (r"the journey is gone", "the journey was taken away before it could go"),
    (r"interrupted", "the sending was interrupted, and it is not known whether it went out"),
)


def reason_words(reason: str) -> str:
    """The reason in words; one that the table does not know speaks for itself."""
    for pattern, words in REASONS:
        if match := re.fullmatch(pattern, reason):
            return words if isinstance(words, str) else words(match)
    return reason

"""Why somebody did not enter, got no message or left, in words for a person."""

from __future__ import annotations

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


#: Why a message was withheld, put off or failed.
REASONS = {
    "consent": "they have not agreed to commercial messages there",
    "no consent": "they have not agreed to commercial messages there",
    "suppressed": "their address is on the list of those never to write to",
    "no address": "there is no address to write to",
    "undeliverable": "their address cannot be delivered to",
    "unless": "the message's own condition (`unless`) held",
    "not after": "it had become pointless (`not_after`)",
    "not_after": "it had become pointless (`not_after`)",
    "expired": "it could not go in time, and late it would have been pointless",
    "quiet hours": "it was a quiet hour on their clock",
    "cap": "they had had as many messages as the shop's limit allows",
    "sent before": "this template had gone to them before in this journey",
    "audience": "they no longer belonged to the journey's audience",
}


def reason_words(reason: str) -> str:
    """The reason in words. `cap: weekly` and its kin keep what stands after the colon."""
    head, colon, rest = reason.partition(":")
    words = REASONS.get(reason) or REASONS.get(head)
    if words is None:
        return reason
    return f"{words} ({rest.strip()})" if colon and rest.strip() and reason not in REASONS else words

"""What SendGrid refuses with a 400: its error page, one rule a function, each naming the field as it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_PEOPLE = 1000
MOST_BYTES = 10_000
MOST_TAGS = 100
#: what the published spec knows of a recipient; a word that is none of these is a mistake of ours
PERSON_FIELDS = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "headers",
        "substitutions",
        "dynamic_template_data",
        "custom_args",
        "send_at",
    ]
)

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_RESERVED = frozenset(
    [
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    ]
)


@dataclass(frozen=True)
class Mistake:
    """A sentence, and the field that it is about."""

    field: str | None
    message: str


Mail = Mapping[str, Any]
Rule = Callable[[Mail], Iterator[Mistake]]


def mistakes_in(mail: Any) -> list[Mistake]:
    """All mistakes of one request; without a single personalization nothing else is looked at."""
    if not isinstance(mail, dict):
        return [Mistake(None, "Bad Request")]
    people = mail.get("personalizations")
    if not isinstance(people, list) or not people:
        return [Mistake("personalizations", "You must have at least one personalization.")]
    try:
        return [mistake for rule in RULES for mistake in rule(mail)]
    except (AttributeError, KeyError, TypeError):  # a list where an object belongs, and the like
        return [Mistake(None, "Bad Request")]


def _number_of_people(mail: Mail) -> Iterator[Mistake]:
    people = mail["personalizations"]
    if len(people) > MOST_PEOPLE:
        yield Mistake(
            "personalizations",
            "The personalization block is limited to 1000 personalizations per API request. "
            f"You have provided {len(people)} personalizations.",
        )
    if sum(len(person.get(to, ())) for person in people for to in ("to", "cc", "bcc")) > MOST_PEOPLE:
        yield Mistake("personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request.")


def _addresses(mail: Mail) -> Iterator[Mistake]:
    for number, person in enumerate(mail["personalizations"]):
        place = f"personalizations.{number}.to"
        if not person.get("to"):
            yield Mistake(place, "The to array is required for all personalization objects, and must have at least one")
        for position, recipient in enumerate(person.get("to", ())):
            if not _good_address(recipient.get("email")):
                yield Mistake(f"{place}.{position}.email", "Does not contain a valid address.")
            if {";", ","} & set(recipient.get("name", "")):
                yield Mistake(f"{place}.{position}.name", "The to.name may not contain ; or ,")


def _each_address_once(mail: Mail) -> Iterator[Mistake]:
    seen: set[str] = set()
    for person in mail["personalizations"]:
        for recipient in person.get("to", ()):
            address = str(recipient.get("email", "")).lower()
            if address in seen:
                yield Mistake(
                    "personalizations",
                    "Each unique email address in the personalizations array should only be included once. "
                    f"You have included [{address}] more than once.",
                )
                return
            seen.add(address)


def _sender(mail: Mail) -> Iterator[Mistake]:
    if not _good_address(mail.get("from", {}).get("email")):
        yield Mistake("from.email", "The from email does not contain a valid address.")
    if "reply_to" in mail and not _good_address(mail["reply_to"].get("email")):
        yield Mistake("reply_to.email", "The reply_to email does not contain a valid address.")


def _subject(mail: Mail) -> Iterator[Mistake]:
    if not mail.get("subject") and not all(person.get("subject") for person in mail["personalizations"]):
        yield Mistake(
            "subject",
            "The subject is required. You can get around this requirement if you use a template with a subject "
            "defined or if every personalization has a subject defined.",
        )


def _content(mail: Mail) -> Iterator[Mistake]:
    parts = mail.get("content")
    if not parts:
        yield Mistake("content", "Unless a valid template_id is provided, the content parameter is required.")
        return
    for number, part in enumerate(parts):
        if not isinstance(part.get("value"), str) or not part["value"]:
            yield Mistake(
                f"content.{number}.value", "The content value must be a string at least one character in length."
            )
    if [part.get("type") for part in parts] == ["text/html", "text/plain"]:
        yield Mistake("content", "If present, text/plain must come first, then text/html.")


def _headers(mail: Mail) -> Iterator[Mistake]:
    yield from _header_mistakes("headers", mail.get("headers", {}))
    for number, person in enumerate(mail["personalizations"]):
        yield from _header_mistakes(f"personalizations.{number}.headers", person.get("headers", {}))


def _header_mistakes(place: str, headers: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, value in headers.items():
        if name.lower() in _RESERVED:
            yield Mistake(f"{place}.{name}", f"The header {name} is reserved and may not be set.")
        elif not name.isascii() or not isinstance(value, str):
            yield Mistake(f"{place}.{name}", "Header names must be ASCII and their values strings.")


def _limits(mail: Mail) -> Iterator[Mistake]:
    for number, person in enumerate(mail["personalizations"]):
        for name in ("substitutions", "custom_args"):
            values = person.get(name, {})
            if not all(isinstance(value, str) for value in values.values()):
                yield Mistake(f"personalizations.{number}.{name}", f"All values of {name} must be strings.")
            elif sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > MOST_BYTES:
                yield Mistake(f"personalizations.{number}.{name}", f"The {name} may not exceed {MOST_BYTES} bytes.")


def _substitutions(mail: Mail) -> Iterator[Mistake]:
    for number, person in enumerate(mail["personalizations"]):
        place, tags = f"personalizations.{number}.substitutions", person.get("substitutions", {})
        if not all(tags):
            yield Mistake(place, "A substitution tag must have at least one character.")
        if len(tags) > MOST_TAGS:
            yield Mistake(place, f"There is a limit of {MOST_TAGS} substitutions per personalization.")


def _people(mail: Mail) -> Iterator[Mistake]:
    for number, person in enumerate(mail["personalizations"]):
        for name in person.keys() - PERSON_FIELDS:
            yield Mistake(f"personalizations.{number}.{name}", "There is no such field.")
        subject = person.get("subject", "-")
        if not isinstance(subject, str) or not subject:
            yield Mistake(
                f"personalizations.{number}.subject", "The subject must be a string of at least one character."
            )


def _categories(mail: Mail) -> Iterator[Mistake]:
    categories = mail.get("categories", [])
    if len(categories) > 10 or len(set(categories)) < len(categories):
        yield Mistake("categories", "At most 10 categories, each once.")
    if any(len(category) > 255 for category in categories):
        yield Mistake("categories", "A category may have at most 255 characters.")


def _good_address(address: object) -> bool:
    return isinstance(address, str) and address.isascii() and bool(_ADDRESS.fullmatch(address))


RULES: tuple[Rule, ...] = (
    _number_of_people,
    _addresses,
    _each_address_once,
    _sender,
    _subject,
    _content,
    _headers,
    _limits,
    _substitutions,
    _people,
    _categories,
)

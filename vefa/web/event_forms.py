"""What an event looks like on its way in: the schema, and its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from vefa.crm.arrivals import Arrival, Person
from vefa.crm.importers.addresses import LETTERS_BEFORE_AT, ascii_email, e164
from vefa.crm.personal_names import read_name
from vefa.language.catalogue import OWN_EVENTS, OWN_OBJECTS, EventType
from vefa.language.problems import did_you_mean
from vefa.settings import Settings
from vefa.text import clean_line


def _clean(given: Any) -> Any:
    return clean_line(given) if isinstance(given, str) else given


Key = Annotated[str, BeforeValidator(_clean), StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Word = Annotated[str, BeforeValidator(_clean), StringConstraints(strip_whitespace=True, max_length=200)]
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class CustomerIn(_Closed):
    """Who it is about: by the shop's own number, or by an address. The rest is kept of somebody new only."""

    id: Key | None = Field(None, description="the shop's own number of the customer")
    email: Word | None = None
    phone: Word | None = Field(None, description="+90…, or as it is dialled in the customer's country")
    first_name: Word | None = None
    last_name: Word | None = None
    language: Annotated[str, StringConstraints(pattern="^[A-Za-z]{2,3}$")] | None = Field(None, description="tr, en, …")
    country: Annotated[str, StringConstraints(pattern="^[A-Za-z]{2}$")] | None = Field(None, description="TR, DE, …")
    city: Word | None = None


class ObjectIn(_Closed):
    """What it is about, beside the customer."""

    kind: Literal["order", "delivery", "return", "ticket", "review", "survey", "redemption"] | None = Field(
        None, description="needless where the type of the event says it"
    )
    id: Key = Field(description="the object's own number at the shop")


class EventIn(_Closed):
    """Something that happened."""

    id: Key = Field(description="the sender's own id of it: sent twice, it happens once")
    type: Annotated[str, StringConstraints(min_length=1, max_length=80)] = Field(
        description="order.placed and so on, or one of config/events.yaml"
    )
    customer: CustomerIn | None = None
    occurred_at: datetime | None = Field(
        None, description="when it happened, ISO 8601; without an offset on the shop's clock; unless said: now"
    )
    object: ObjectIn | None = None
    data: dict[str, Any] = Field(
        default_factory=dict,
        description="what else there is to say; of a shop's own event anything, else columns as in docs/importing.md",
    )


class Refusal(ValueError):
    """Why an event cannot be taken, as a sentence."""


_FORM = TypeAdapter(EventIn)


def read_event(given: Any, events: Mapping[str, EventType], settings: Settings) -> Arrival:
    """The event that a JSON value tells of; raises Refusal."""
    try:
        form = _FORM.validate_python(given)
    except ValidationError as error:
        raise Refusal(_sentence(error)) from None
    about = events.get(form.type)
    if about is None:
        more = "The shop's own events are named in config/events.yaml."
        raise Refusal(f"type: there is no event of this name. {did_you_mean(form.type, events, more)}")
    if about.object_kind in OWN_OBJECTS or about.name in OWN_EVENTS:
        raise Refusal(f"type: {about.name} is told by vefa itself and cannot be sent")
    return Arrival(
        id=form.id,
        type=form.type,
        person=_person(form.customer, settings),
        occurred_at=_moment(form.occurred_at, settings.zone),
        data=form.data,
        object_kind=(form.object.kind or about.object_kind) if form.object else None,
        object_id=form.object.id if form.object else None,
    )


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong. What was sent is not repeated: it may be an address."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step)[:40] for step in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such key"
    if first["type"] == "model_type":
        return f"{where}: must be an object".removeprefix(": ")
    return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _person(given: CustomerIn | None, settings: Settings) -> Person | None:
    if given is None:
        return None
    email = ascii_email(given.email) if given.email else None
    if given.email and email is None:
        ascii_only = given.email.rpartition("@")[0].isascii()
        why = "this is no address that a mail server would take" if ascii_only else LETTERS_BEFORE_AT
        raise Refusal(f"customer.email: {why}")
    phone = e164(given.phone, (given.country or settings.shop.country).upper()) if given.phone else None
    if given.phone and phone is None:
        raise Refusal("customer.phone: this can be nobody's number")
    if not (given.id or email or phone):
        raise Refusal("customer: say who, by id, email or phone")
    names = {"first_name": read_name(given.first_name), "last_name": read_name(given.last_name), "city": given.city}
    details = {name: value for name, value in names.items() if value}
    details |= {"country": given.country.upper()} if given.country else {}
    details |= {"language": given.language.lower()} if given.language else {}
    return Person(given.id, email, phone, details)


def _moment(given: datetime | None, zone: ZoneInfo) -> datetime | None:
    if given is None:
        return None
    if not _FIRST_YEAR < given.year < _LAST_YEAR:
        raise Refusal("occurred_at: this is no moment at which something happens in a shop")
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)

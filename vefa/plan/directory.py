"""`config/tools.yaml` and `config/staff.yaml` as data; what cannot be read is told of and left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vefa.language.catalogue import FIELDS
from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.outside import StaffForm, TeamForm, ToolForm
from vefa.language.problems import did_you_mean
from vefa.language.source import Source, Trail, read_optional
from vefa.language.values import WEEKDAYS
from vefa.plan.named import by_name, is_name
from vefa.plan.outside import Hours, Outside, Team, Tool
from vefa.plan.steps import Weekday

FILES = ("config/tools.yaml", "config/staff.yaml")

_VARIABLE = re.compile(r"VEFA_TOOL_[A-Z0-9_]+")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+\-./=?^_`{|}~]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z0-9-]+")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
#: What of an event is written by vefa itself.
OURS = ("content-type", "content-length", "host", "connection", "transfer-encoding", "user-agent")
#: What tools may get beside the fields of the CRM.
BESIDE = tuple(f"coupon.{name}" for name in ("percent", "amount", "free_shipping", "minimum"))
_SEND_HINT = "vefa check --fields lists all."


def load_outside(root: Path) -> Outside:
    """The tools and teams as the files say now; mistakes are left out, and told by `vefa check`."""
    return read_outside(*(read_optional(root, name) for name in FILES))


def read_outside(tools: Source, staff: Source) -> Outside:
    """Both files."""
    known = read_tools(tools)
    form = read_form(staff, StaffForm, ()) if staff.usable and staff.value is not None else None
    if form is None:
        return Outside(known)
    teams = {name: team for name in form.teams or {} if (team := _team(staff, str(name), known)) is not None}
    return Outside(known, teams, _hours(staff) if form.hours is not None else None)


def read_tools(source: Source) -> dict[str, Tool]:
    """Each tool by its name."""
    found = {name: _tool(source, name) for name in by_name(source, "name: {url: …}")}
    return {name: tool for name, tool in found.items() if tool is not None}


def _tool(source: Source, name: str) -> Tool | None:
    if not is_name(source, (name,), "a tool", "care-team"):
        return None
    if source.value[name] is None:
        return Tool(name)
    form = read_form(source, ToolForm, (name,))
    if form is None:
        return None
    tool = Tool(
        name,
        form.url,
        form.takes,
        tuple(_fields(source, (name, "send"), form.send)) if form.send is not None else None,
        dict(_headers(source, (name, "headers"), form.headers or {})),
        form.timeout,
    )
    if form.url is not None and (wrong := url_fault(form.url)):
        source.report((name, "url"), wrong, "", "url")
    if form.send is not None and form.takes == "text":
        source.report((name, "send"), "a tool that takes text gets words alone", "Take it out.", "send", at="key")
    return tool if source.clean((name,)) else None


def url_fault(url: str) -> str | None:
    """Why nothing may be sent there, in a sentence; None where it may."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "this is no address; write one such as https://board.example/hooks/vefa"
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return "this is no address; write one such as https://board.example/hooks/vefa"
    if parts.username is not None:
        return "a password does not belong into an address; use a header whose value comes from the environment"
    loopback = host in {"localhost", "::1"} or host.startswith("127.")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        return "the address must begin with https:// (plain http only for this machine itself)"
    return None


def _fields(source: Source, trail: Trail, given: list[Any]) -> Iterator[str]:
    known = (*FIELDS, *BESIDE)
    for place, name in enumerate(given):
        if not isinstance(name, str) or name not in known:
            hint = did_you_mean(str(name), known, _SEND_HINT)
            source.report((*trail, place), f"there is no field {quoted(name)}", hint, "unknown-field")
        else:
            yield name
    if not given:
        source.report(trail, "the list is empty", "Take it out, or name a field in it.", "empty", at="key")


def _headers(source: Source, trail: Trail, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, variable in given.items():
        at = (*trail, name)
        if not _HEADER.fullmatch(str(name)) or name.lower() in OURS or name.lower().startswith("webhook-"):
            source.report(at, f'"{name}" is no header that may be set', "Take it out.", "header", at="key")
        elif not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
            hint = "Write its name, which begins with VEFA_TOOL_, and set it in the environment."
            source.report(at, "the value of a header comes from the environment, never from a file", hint, "header")
        else:
            yield str(name), variable


def _team(source: Source, name: str, tools: Mapping[str, Tool]) -> Team | None:
    trail: Trail = ("teams", name)
    if not is_name(source, trail, "a team", "care-team") or (form := read_form(source, TeamForm, trail)) is None:
        return None
    addresses = () if form.email is None else tuple(_addresses(source, (*trail, "email"), form.email))
    if form.email is not None and form.tool is not None:
        source.report((*trail, "tool"), "a team is told by e-mail or through a tool", "Keep one.", "team", at="key")
    elif form.email is None and form.tool is None and source.clean(trail):
        hint = "Add email: [care@ornek.example], or tool: a name of config/tools.yaml."
        source.report(trail, f'nobody can be told in the team "{name}"', hint, "team", at="key")
    elif form.tool is not None and form.tool not in tools:
        hint = did_you_mean(form.tool, tools, "Tools stand in config/tools.yaml.")
        source.report((*trail, "tool"), f'there is no tool "{form.tool}"', hint, "unknown-tool")
    return Team(name, addresses, form.tool) if source.clean(trail) else None


def _addresses(source: Source, trail: Trail, given: object) -> Iterator[str]:
    listed = isinstance(given, list)
    seen: set[str] = set()
    for place, address in enumerate(given if isinstance(given, list) else [given]):
        at: Trail = (*trail, place) if listed else trail
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            source.report(at, f"{quoted(address)} is no e-mail address", "Write care@ornek.example.", "address")
        elif address.lower() in seen:
            source.report(at, f"{address} stands twice", "Keep one of them.", "address")
        else:
            seen.add(address.lower())
            yield address
    if listed and not given:
        source.report(trail, "the list is empty", "Write an address such as care@ornek.example.", "empty", at="key")


def _hours(source: Source) -> Hours:
    days: dict[Weekday, tuple[time, time]] = {}
    holidays = False
    for name, value in source.value["hours"].items():
        trail: Trail = ("hours", name)
        if name == "holidays":
            holidays = value == "closed"
            if value not in ("closed", "open"):
                source.report(trail, f"{quoted(value)} is not possible here", "Write closed or open.", "choice")
            continue
        span = _span(source, trail, value)
        for day in _days(source, trail, str(name)):
            if day in days:
                source.report(trail, f"the hours of {day} stand twice", "Keep one of them.", "hours", at="key")
            elif span is not None:
                days[day] = span
    if not days and source.clean(("hours",)):
        hint = 'Write such as mon-fri: "09:00-18:00".'
        source.report(("hours",), "the shop is never open", hint, "hours", at="key")
    return Hours(days, holidays)


def _days(source: Source, trail: Trail, name: str) -> list[Weekday]:
    """`mon`, or `mon-fri`."""
    first, _, last = name.partition("-")
    if first in WEEKDAYS and (last or first) in WEEKDAYS:
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        if begin <= end:
            return list(WEEKDAYS[begin : end + 1])
    hint = did_you_mean(first, WEEKDAYS, f"Days are {', '.join(WEEKDAYS)}; write one, or such as mon-fri.")
    source.report(trail, f'"{name}" is no day of the week', hint, "weekday", at="key")
    return []


def _span(source: Source, trail: Trail, value: object) -> tuple[time, time] | None:
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        whole = int(found[2]) < 60 and int(found[4]) < 60
        if whole and begin < end <= 24 * 60:
            return time(begin // 60, begin % 60), time(end // 60 % 24, end % 60)
    message, hint = (
        f"{quoted(value)} is no stretch of a day",
        'Write such as "09:00-18:00"; it ends at 24:00 at the latest.',
    )
    source.report(trail, message, hint, "hours")
    return None

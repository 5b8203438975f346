"""What of a tool is secret: it stands in the environment, is read when it is needed, and never prints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from vefa.plan.directory import url_fault
from vefa.plan.outside import Tool

#: A key that is shorter can be guessed.
SHORTEST = 16


@dataclass(frozen=True)
class Access:
    """How to reach a tool. `key` None: its requests are not signed."""

    url: SecretStr
    key: SecretStr | None = None
    headers: Mapping[str, SecretStr] = field(default_factory=dict)


def access(tool: Tool, environment: Mapping[str, str] | None = None) -> Access | str:
    """The way to the tool as the environment has it now; a sentence where something lacks or cannot be right."""
    given = os.environ if environment is None else environment
    url = tool.url or given.get(tool.variable("URL"), "").strip()
    if not url:
        return f"{tool.variable('URL')} is not set"
    if fault := url_fault(url):
        return f"{tool.variable('URL')}: {fault}"
    key = given.get(tool.variable("SECRET"), "").strip()
    if not key and tool.takes == "event":
        return f"{tool.variable('SECRET')} is not set"
    if key and len(key) < SHORTEST:
        return f"{tool.variable('SECRET')} is shorter than {SHORTEST} characters"
    headers = {name: given.get(variable, "") for name, variable in tool.headers.items()}
    for name, value in headers.items():
        if not value or not (value.isascii() and value.isprintable()):
            return f"{tool.headers[name]} is not set, or not one line of plain ASCII"
    hidden = {name: SecretStr(value) for name, value in headers.items()}
    return Access(SecretStr(url), SecretStr(key) if key else None, hidden)

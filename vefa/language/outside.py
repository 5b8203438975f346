"""The reference manual of `config/tools.yaml` and `config/staff.yaml`: every key declared once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator

from vefa.language.schema import Form, key
from vefa.language.values import Editor, Group, Name, Seconds, Takes, Text, read_list

Listed = Annotated[list[Any], PlainValidator(read_list), Editor({"type": "array", "minItems": 1})]


class ToolForm(Form):
    """An outside tool. Its signing secret comes from VEFA_TOOL_<NAME>_SECRET."""

    url: Text | None = key(
        "Where it is; left out, it comes from VEFA_TOOL_<NAME>_URL.", "https://board.example/hooks/vefa"
    )
    takes: Takes = key(
        "event: the whole event as JSON, signed. text: words alone, as chat programs want them.", "event", "event"
    )
    send: Listed | None = key("Which fields it gets.", ["customer.outside_id", "order.number"])
    headers: Group | None = key(
        "More headers: their values are names of the environment.", {"Authorization": "VEFA_TOOL_BOARD_TOKEN"}
    )
    timeout: Seconds = key("Seconds in which it must answer.", 10, 10)


class StaffForm(Form):
    """Who of the shop can be told, and when the shop is open."""

    teams: Group | None = key("The teams by name.", {"care-team": {"email": ["care@ornek.example"]}})
    hours: Group | None = key("When the shop is open.", {"mon-fri": "09:00-18:00", "sat": "10:00-14:00"})


class TeamForm(Form):
    """One team: e-mail addresses, or a tool of config/tools.yaml."""

    email: Any = key("One address, or several.", ["care@ornek.example"])
    tool: Name | None = key("The tool that they read, such as a chat.", "care-chat")

"""`vefa keys`: who may send events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vefa.cli.options import Json
from vefa.cli.printing import err, out, print_json, table
from vefa.cli.session import Session
from vefa.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vefa.web.keys import ApiKey

Action = Literal["add", "list", "revoke"]


def keys(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="Make a key, show all of them, or shut one for good.")] = "list",
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Which key: small letters, digits and dashes.", show_default=False)
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE",
            help="With add: what it is for: events:write, hooks:write, read. May be given several times.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="With add: whose order numbers it uses; else its own name.")
    ] = "",
    as_json: Json = False,
) -> None:
    """API keys: who may send events and rows to vefa serve. A key is shown once, when it is made."""
    from vefa.database import reading, writing
    from vefa.web.keys import add_key, all_keys, revoke_key

    session: Session = context.obj
    now = datetime.now(UTC)
    if action != "list" and not name:
        raise UserError(f"Say which key: vefa keys {action} NAME.")
    with session.store() as engine:
        if action == "list":
            with reading(engine) as connection:
                found = all_keys(connection)
            print_json(found) if as_json else _show(found)
            return
        with writing(engine) as connection:
            if action == "revoke":
                revoke_key(connection, name, now)
                token = None
            else:
                token = add_key(connection, name, scope or (), now, source)
    if as_json:
        print_json({"name": name, **({"key": token} if token else {})})
    elif token is None:
        out().print(f"{name} opens nothing any more.", markup=False)
    else:
        err().print(f"The key {name}. It is shown now and never again:", markup=False)
        typer.echo(token)


def _show(found: Sequence[ApiKey]) -> None:
    if not found:
        out().print("There is no key yet. vefa keys add NAME --scope events:write makes one.", markup=False)
        return
    rows = table("key", "source", "for", "made", "last used", "revoked")
    for key in found:
        moments = (_said(each) for each in (key.created_at, key.last_used_at, key.revoked_at))
        rows.add_row(key.name, key.source, ", ".join(sorted(key.scopes)), *moments)
    out().print(rows)


def _said(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""

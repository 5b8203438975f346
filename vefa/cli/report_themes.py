"""`vefa report themes`: what customers write about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from vefa.cli.options import Json, Now, WeeksBack
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.insight.themes import ThemeReport

#: Weeks of which the table has columns; JSON has all.
SHOWN = 6


def themes(
    context: typer.Context,
    weeks: WeeksBack = 8,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Count what answers, reviews and complaints are about, by the words of config/themes.yaml, week by week."""
    from vefa.database import reading
    from vefa.errors import UserError
    from vefa.insight.themes import count_themes
    from vefa.insight.weeks import Weeks
    from vefa.plan.surveys import Surveys
    from vefa.plan.themes import shop_themes

    session: Session = context.obj
    shop = session.settings.shop
    known = shop_themes(session.root, shop.locales)
    if not known:
        raise UserError("config/themes.yaml names no themes. docs/feedback.md shows how to write them.")
    span = Weeks.back(weeks, session.settings.zone, session.moment(now))
    with session.store() as engine, reading(engine) as connection:
        found = count_themes(connection, known, Surveys(session.root, shop.locales), span)
    print_json(found) if as_json else _show(found)


def _show(found: ThemeReport) -> None:
    console = out()
    if not found.texts:
        console.print("Nobody has written anything in these weeks.")
        return
    mondays = [f"{monday:%d.%m.}" for monday in found.weeks[-SHOWN:]]
    columns = ("texts", "unhappy", *mondays)
    rows = table("theme", *columns, numbers=columns)
    for each in found.themes:
        rows.add_row(each.theme, f"{each.texts:,}", f"{each.unhappy:,}", *map(str, each.weeks[-SHOWN:]))
    console.print(rows)
    console.print(f"{found.texts:,} texts since {found.weeks[0]:%d.%m.%Y}; {found.others:,} speak of none of these.")

"""Small shops in a folder, for tests of the language."""

from __future__ import annotations

from pathlib import Path

from vefa.plan.plans import Plan
from vefa.plan.project import Project, load_project
from vefa.settings import Settings

SEGMENTS = """\
lapsed: {orders.count: ">= 2", orders.last_at: more than 90 days ago}
open-complaint: {tickets.open: "> 0"}
"""
TOOLS = """\
board: {url: "https://board.example/hooks/vefa"}
care-chat: {takes: text}
"""
STAFF = """\
teams: {care-team: {email: [care@ornek.example]}, care-room: {tool: care-chat}}
hours: {mon-fri: "09:00-18:00"}
"""
CONFIG = {"segments", "policy", "events", "tools", "staff", "surveys", "coupons", "loyalty"}


def load_shop(root: Path, files: dict[str, str]) -> Project:
    """The project made of these files; those of CONFIG go to config/, others to journeys/."""
    for folder in ("journeys", "config"):
        (root / folder).mkdir()
    for name, text in {"segments": SEGMENTS, "tools": TOOLS, "staff": STAFF, **files}.items():
        folder = "config" if name in CONFIG else "journeys"
        (root / folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_project(root, Settings(root=root))


def compile_text(root: Path, text: str, **others: str) -> Plan:
    """The plan of one journey that holds no mistake."""
    project = load_shop(root, {"journey": text, **others})
    assert not project.problems, "\n".join(problem.render() for problem in project.problems)
    return project.plans["journey"]

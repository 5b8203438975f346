"""Which Prefect server is ours, and the settings that every process of ours gives to Prefect."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from vefa.errors import UserError
from vefa.settings import Settings

NO_SERVER = (
    "No Prefect server to deploy to. Start one with `vefa up`, or name yours in PREFECT_API_URL "
    "(such as https://prefect.your-shop.example/api)."
)


def home(settings: Settings) -> Path:
    """Where our own Prefect server keeps its files."""
    return settings.var / "prefect"


def quiet(settings: Settings) -> dict[str, str]:
    """What holds for each of our processes that has Prefect in it: its own home, and no word to anybody outside."""
    return {
        "PREFECT_HOME": str(home(settings).resolve()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "VEFA_ROOT": str(settings.root.resolve()),
    }


def note_server(settings: Settings, url: str | None, groups: Sequence[int] = ()) -> None:
    """Writes down where `vefa up` serves and who it is, for commands in another window; None takes it back.

    `groups` are the process groups of its children.
    """
    note = home(settings) / "server.json"
    if url is None:
        note.unlink(missing_ok=True)
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"url": url, "pid": os.getpid(), "groups": list(groups)}), encoding="utf-8")


def find_server(settings: Settings) -> str:
    """The server's API: PREFECT_API_URL, else the one that `vefa up` runs. UserError where there is neither."""
    url = os.environ.get("PREFECT_API_URL") or running_server(settings)
    if not url:
        raise UserError(NO_SERVER)
    return url


def running_server(settings: Settings) -> str | None:
    """The server of a `vefa up` that is running now."""
    note = home(settings) / "server.json"
    try:
        url = str(json.loads(note.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError):
        return None
    return url if healthy(url) else None


def left_behind(settings: Settings) -> str:
    """What to say of a server that is there already: `vefa up` runs, or it was killed and left it behind."""
    noted = json.loads((home(settings) / "server.json").read_text(encoding="utf-8"))
    page = str(noted["url"]).removesuffix("/api")
    if _alive(int(noted["pid"])):
        return f"`vefa up` is running already, as process {noted['pid']}: {page}"
    groups = " ".join(f"-{number}" for number in noted["groups"])
    return f"A `vefa up` that was killed has left its server behind at {page}. End it with: kill -- {groups}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def healthy(url: str, timeout: float = 5.0) -> bool:
    """Whether a Prefect API answers there."""
    if not url.startswith(("http://", "https://")):
        return False
    try:
        return (
            httpx.get(f"{url.rstrip('/')}/health", timeout=timeout, follow_redirects=True).status_code == httpx.codes.OK
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


@contextmanager
def speaking_to(settings: Settings, url: str | None) -> Iterator[None]:
    """Inside, Prefect's clients speak to that server; None starts a temporary one in this process' charge."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_HOME,
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
        PREFECT_SERVER_ANALYTICS_ENABLED,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
        temporary_settings,
    )

    updates = {PREFECT_HOME: home(settings).resolve(), PREFECT_SERVER_ANALYTICS_ENABLED: False}
    if url is not None:
        with temporary_settings({**updates, PREFECT_API_URL: url}):
            yield
        return
    updates |= {
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 120,
    }
    with temporary_settings(updates, restore_defaults={PREFECT_API_URL}):
        yield

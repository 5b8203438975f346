"""Prism as a server on loopback: a mock of an OpenAPI file, or a judge between a client and a server."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import IO

from tests.contracts.prepare import CACHE, PRISM

SPEC = {
    "sendgrid": CACHE / "specs" / "tsg_mail_v3.json",
    "twilio": CACHE / "specs" / "twilio_api_v2010.json",
}


@contextmanager
def mock(provider: str) -> Iterator[str]:
    """Answers as the file says; a request that it forbids gets an error that says why. Gives the URL."""
    with _running(["mock", "--errors", str(SPEC[provider])]) as url:
        yield url


@contextmanager
def judge(provider: str, server: str) -> Iterator[str]:
    """Passes on to `server`; a request or an answer that the file forbids becomes an error that says why."""
    with _running(["proxy", "--errors", str(SPEC[provider]), server]) as url:
        yield url


@contextmanager
def _running(words: list[str]) -> Iterator[str]:
    port = _free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--verboseLevel", "info"]
    with subprocess.Popen(
        [str(PRISM), *words, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        _wait(process.stdout)
        drain = Thread(target=process.stdout.read)  # a full pipe would stop it
        drain.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            drain.join()


def _wait(output: IO[str]) -> None:
    """Until it listens; what it has said is the reason if it ends before."""
    said = []
    for line in output:
        said.append(line)
        if "is listening" in line:
            return
    raise RuntimeError("Prism did not start:\n" + "".join(said))


def _free_port() -> int:
    with socket.socket() as anybody:
        anybody.bind(("127.0.0.1", 0))
        return int(anybody.getsockname()[1])

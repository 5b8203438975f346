"""This machine itself: no proxy stands before it, and plain http is enough for it."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")

"""Ways out for messages: a vendor a file, one protocol, one table (`vefa.channels.registry`)."""

from vefa.channels.registry import make_channel

__all__ = ["make_channel"]

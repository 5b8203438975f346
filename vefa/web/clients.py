"""Who asks: the peer's address, or what a proxy says of it where the settings name that proxy."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

#: Whoever has one address of an IPv6 network has all of it.
_ONE_CLIENT = 64


def networks(trusted: Sequence[str]) -> tuple[Network, ...]:
    """The proxies of the settings, which have been checked there."""
    return tuple(ip_network(each, strict=False) for each in trusted)


def client_of(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The address of the client.

    X-Forwarded-For is read from its end, past all proxies of ours. What stands before that anybody may have written.
    """
    client = peer
    for said in reversed(forwarded.split(",") if forwarded else []):
        if not is_among(client, proxies):
            break
        word = said.strip().strip("[]")
        if not _is_address(word):
            break
        client = word
    return client


def bucket_of(client: str) -> str:
    """Under which name the client is counted."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if address.version == 4:
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _ONE_CLIENT), strict=False))


def is_among(client: str, proxies: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks."""
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in proxies)


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True

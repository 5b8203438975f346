"""Stable numbers for people, addresses and chance: the same on every machine, in every run (rule 11)."""

from __future__ import annotations

from hashlib import blake2b

from vefa.text import clean_address

#: A Mersenne prime. Arms are drawn modulo it, so bucket·a + b stays inside 63 bits in every SQL dialect.
PRIME = 2**31 - 1


def bucket(outside_id: str) -> int:
    """A customer's place in [0, 2^31 - 1): BLAKE2 of the outside id. All chance comes from it."""
    return int.from_bytes(blake2b(outside_id.encode(), digest_size=8).digest()) % PRIME


def chance(*names: str) -> tuple[int, int]:
    """The two numbers (a, b) of a draw named after journey and step: arm = (bucket·a + b) mod PRIME."""
    digest = blake2b("\x1f".join(names).encode(), digest_size=16).digest()
    return 1 + int.from_bytes(digest[:8]) % (PRIME - 1), int.from_bytes(digest[8:]) % PRIME


def draw(customer_bucket: int, *names: str) -> int:
    """Where a customer falls in [0, PRIME) for the draw of that name."""
    a, b = chance(*names)
    return (customer_bucket * a + b) % PRIME


def address_key(address: str) -> str:
    """What stands for an address in suppressions and in the look for doubles, without being the address.

    One mailbox has one key, in whatever letter case it is written, its domain in Unicode or as punycode.
    """
    if not (address.isascii() and address.isprintable()):
        address = clean_address(address)
    return blake2b(address.strip().lower().encode(), digest_size=16).hexdigest()

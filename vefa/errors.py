"""What can go wrong, as a tree: the user's mistakes (exit 1) apart from ours (exit 2).

VefaError
├── UserError             somebody can mend it: a file, a setting, an argument
│   ├── SettingsError     a setting is missing or wrong
│   ├── ProblemsError     journey, policy, segment or template files hold mistakes, each with its place
│   └── ImportMapError    an importer's column map or its source cannot be used
├── StoreError            the database refuses, is locked or is of another version
└── ChannelError          a provider could not be spoken to at all
"""

from __future__ import annotations


class VefaError(Exception):
    """Anything that vefa raises on purpose. Its text is a sentence for a person."""


class UserError(VefaError):
    """The user can mend this; the sentence says where and how."""


class SettingsError(UserError):
    """A setting is missing or wrong."""


class ImportMapError(UserError):
    """An importer's column map, or the file or table it names, cannot be used."""


class StoreError(VefaError):
    """The database refuses, is locked, or holds another version of the tables."""


class ChannelError(VefaError):
    """A provider could not be spoken to; nothing is known to have been sent."""

"""One normal form of text for every door: NFC, without the characters that only mislead whoever reads.

Sources: Unicode Standard Annex 15 (NFC), Unicode Technical Report 36 (bidirectional overrides), RFC 5891 and UTS 46
(domains).
"""

from __future__ import annotations

import re
from unicodedata import normalize
from urllib.parse import quote, urlsplit

#: They end lines; a text of one line gets a space for each.
_BREAKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
#: They show nothing, or turn around what stands behind them: bidirectional overrides and isolates, byte order marks,
#: zero width spaces, soft hyphens, annotations. Joiners and direction marks stay: Persian and emojis need them.
_UNSEEN = (
    *range(0x202A, 0x202F),
    *range(0x2066, 0x2070),
    *(0xAD, 0x200B, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xFEFF),
    *(0x180E, 0xFFF9, 0xFFFA, 0xFFFB),
)
_CONTROLS = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _BREAKS]
_IN_LINES = {**dict.fromkeys((*_CONTROLS, *_UNSEEN)), 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
_IN_LINES |= dict.fromkeys((0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F), "\n")
_IN_ONE_LINE = {**_IN_LINES, **dict.fromkeys(map(ord, _BREAKS), " ")}
#: Invisible at the ends of a text, where nothing is joined: joiners, direction marks, fillers, an empty braille cell.
_AT_ENDS = "\u034f\u061c\u115f\u1160\u17b4\u17b5\u200c\u200d\u200e\u200f\u2800\u3164\uffa0\ufe0e"
_SPACES = " \t\n\r\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_EDGES = _AT_ENDS + _SPACES
_JOINERS = dict.fromkeys(map(ord, "\u034f\u061c\u200c\u200d\u200e\u200f\ufe0e\ufe0f"))
_DOTS = str.maketrans("。．｡", "...")
#: What a terminal obeys: colours and cursor (CSI), titles and links (OSC and its kin, where they end), short ones.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|[ -/]*[0-OQ-WYZ\\`-~])?"
)
#: A dot between letters, and a scheme's slashes: mail programs and telephones make links of them.
_DOT = re.compile(r"(?<=\w)([.。．｡])(?=[^\W\d_])|(?<=[^\W\d_])([.。．｡])(?=\w)")
_SLASHES = re.compile(r"(?<=:)(?=//)|(?<=:/)(?=/)")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
#: What channels take as an address: ASCII, one @, nothing that would need quoting.
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+\-./=?^_`{|}~]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
#: They have no place in an address as it is written.
_NOT_IN_A_URL = re.compile(r"[\s\"<>\\^`{|}]")


def clean_line(text: str) -> str:
    """The text in one line: NFC, no control or misleading invisible characters, nothing unseen at its ends."""
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    return normalize("NFC", without_escapes(text).replace("\r\n", "\n").translate(_IN_ONE_LINE)).strip(_EDGES)


def clean_lines(text: str) -> str:
    """The same of a text of several lines, which it keeps, as LF."""
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    plain = without_escapes(text).replace("\r\n", "\n").replace("\r", "\n")
    return normalize("NFC", plain.translate(_IN_LINES)).strip(_EDGES)


def without_escapes(text: str) -> str:
    """The text without what a terminal would obey instead of showing it."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def clean_address(text: str) -> str:
    """An e-mail address as it may be compared: clean, its domain in small letters and, beyond ASCII, as punycode.

    A domain that no name server could hold stays as it is, in small letters. The letters before the @ stay as written.
    """
    text = clean_line(text)
    if text.isascii():
        local, at, domain = text.rpartition("@")
        return f"{local}{at}{domain.lower()}"
    local, at, domain = text.translate(_JOINERS).translate(_DOTS).replace("＠", "@").rpartition("@")
    return f"{local}@{ascii_domain(domain) or domain.lower()}" if at else text


def ascii_mailbox(text: str) -> str | None:
    """The e-mail address as a header can hold it, its domain as punycode; None where it cannot be had in ASCII."""
    address = clean_address(text)
    return address if _MAILBOX.fullmatch(address) else None


def ascii_domain(domain: str) -> str | None:
    """The domain in ASCII, small letters, by IDNA 2008 and UTS 46; None where no name server could hold it.

    A dotted İ is the capital of i here: no domain has the i with a second dot that Unicode makes of it. A dotless ı
    is a letter of its own, and a capital I is always that of i, as in every domain.
    """
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    import idna

    plain = domain.replace("İ", "i").replace("i\u0307", "i")
    try:
        return idna.encode(plain, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None


def without_links(text: str) -> str:
    """The text with a space behind each dot that stands inside a word, and before the slashes of a scheme.

    So no mail program or telephone makes a link of it, in HTML, in plain text and in SMS. "M.Emin" becomes "M. Emin".
    """
    if ":" in text:
        text = _SLASHES.sub(" ", text)
    return text if text.isalpha() else _DOT.sub(lambda found: f"{found[0]} ", text)


def web_address(text: str) -> str | None:
    """The http or https address in ASCII; None for every other scheme, and where there is no host.

    `//host/path` becomes https. What would run (`javascript:`) or hold a page itself (`data:`) is no web address.
    """
    text = clean_line(text)
    text = f"https:{text}" if text.startswith("//") else text
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or _NOT_IN_A_URL.search(text):
        return None
    if text.isascii():
        return text
    plain = host if ":" in host else ascii_domain(host)
    if plain is None or "@" in parts.netloc:
        return None
    whole = parts._replace(netloc=plain if port is None else f"{plain}:{port}").geturl()
    return quote(whole, safe=_ASCII)

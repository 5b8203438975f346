"""What a file's encoding and delimiter most probably are, for errors that name a cure."""

from __future__ import annotations

import csv
import io

from vefa.crm.importers.maps import Input

_DELIMITERS = ",;\t|"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
#: Letters beside ASCII in Turkish and in what surrounds it in a file.
_TURKISH = frozenset("çğıöşüÇĞİÖŞÜâîûÂÎÛ₺€’‘“”–…\u00a0")


def guess_encoding(sample: bytes) -> str | None:
    """The encoding of the bytes; None where nothing fits."""
    from charset_normalizer import from_bytes

    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    if _decodes(sample, "utf-8"):
        return "utf-8-sig"
    if _is_turkish(sample):
        return "cp1254"
    found = from_bytes(sample, cp_isolation=["cp1254", "cp1252", "cp1250", "cp1251", "utf_16", "utf_8"]).best()
    return found.encoding if found else None


def _is_turkish(sample: bytes) -> bool:
    """Whether read as Windows writes Turkish it holds nearly no letters of other languages."""
    letters = [letter for letter in sample.decode("cp1254", errors="replace") if not letter.isascii()]
    return bool(letters) and sum(letter in _TURKISH for letter in letters) >= 0.95 * len(letters)


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeError as error:
        return isinstance(error, UnicodeDecodeError) and error.start > len(sample) - 4  # a letter cut in two
    return True


def guess_dialect(sample: bytes, needed: set[str], wanted: Input) -> str | None:
    """The keys of the input with which more of the needed columns are there; None where there are none."""
    best, hint = _fitting(sample, wanted.encoding, wanted.delimiter, needed), None
    guessed = guess_encoding(sample)
    for encoding in dict.fromkeys((wanted.encoding, *([guessed] if guessed else []))):
        for delimiter in dict.fromkeys((wanted.delimiter, *_sniffed(sample, encoding), *_DELIMITERS)):
            count = _fitting(sample, encoding, delimiter, needed)
            if count > best:
                best, hint = count, _keys(encoding, delimiter, wanted)
    return hint


def _keys(encoding: str, delimiter: str, wanted: Input) -> str:
    said = {"encoding": (encoding, wanted.encoding), "delimiter": (delimiter, wanted.delimiter)}
    quoted = {"encoding": encoding, "delimiter": '"\\t"' if delimiter == "\t" else f'"{delimiter}"'}
    return " and ".join(f"{key}: {quoted[key]}" for key, (new, old) in said.items() if new != old)


def _fitting(sample: bytes, encoding: str, delimiter: str, needed: set[str]) -> int:
    """How many of the needed columns the first line holds, read so."""
    try:
        text = sample.decode(encoding, errors="ignore")
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except (LookupError, csv.Error):
        return 0
    return len(needed & {name.strip() for name in header})


def _sniffed(sample: bytes, encoding: str) -> list[str]:
    try:
        return [csv.Sniffer().sniff(sample[:20_000].decode(encoding, errors="ignore"), _DELIMITERS).delimiter]
    except (csv.Error, LookupError):
        return []

"""Fetches what `make contracts` needs into var/contracts: the providers' OpenAPI files, and Prism, which reads them.

python -m tests.contracts.prepare /a/folder      two files of the names below, anywhere in it
python -m tests.contracts.prepare https://…      an address that has them, or has their repositories, below it
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from vefa.channels.loopback import is_loopback

CACHE = Path(__file__).parents[2] / "var" / "contracts"
PRISM_PACKAGE = "@stoplight/prism-cli@5.14.2"
PRISM = CACHE / "prism" / "node_modules" / ".bin" / "prism"

#: Each file, and where its public repository keeps it.
SPECS = {
    "tsg_mail_v3.json": "twilio/sendgrid-oai/main/spec/json",
    "twilio_api_v2010.json": "twilio/twilio-oai/main/spec/json",
}
WANTED = """\
Say where the providers' OpenAPI files are: make contracts SPECS=PLACE (or set VEFA_SPECS). PLACE is a folder that holds
both files, at any depth, or an https address. The files, and the public repositories on GitHub that hold them:
  tsg_mail_v3.json        twilio/sendgrid-oai, spec/json/tsg_mail_v3.json
  twilio_api_v2010.json   twilio/twilio-oai, spec/json/twilio_api_v2010.json
Clones of the two side by side in one folder will do."""


def fetch_specs(place: str, into: Path) -> None:
    """Copy both files into a folder. LookupError says what is missing, and what would do."""
    into.mkdir(parents=True, exist_ok=True)
    for name, home in SPECS.items():
        found = _below_address(place, name, home) if "://" in place else _below_folder(place, name)
        if found is None:
            raise LookupError(f"{place or 'No place was named'}: {name} is not there.\n{WANTED}")
        (into / name).write_bytes(found)


def _below_folder(place: str, name: str) -> bytes | None:
    paths = sorted(Path(place).expanduser().rglob(name)) if place else []
    return paths[0].read_bytes() if paths else None


def _below_address(place: str, name: str, home: str) -> bytes | None:
    address = urlsplit(place)
    if address.scheme != "https" and not is_loopback(address.hostname or ""):
        raise LookupError(f"{place}: only https will do.\n{WANTED}")
    for url in (f"{place.rstrip('/')}/{name}", f"{place.rstrip('/')}/{home}/{name}"):
        try:
            answer = httpx.get(url, timeout=60, follow_redirects=True)
        except httpx.HTTPError:
            continue
        if answer.is_success:
            return answer.content
    return None


def install_prism() -> None:
    """Into the cache, by whatever registry npm is set up for."""
    if PRISM.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise LookupError("Prism needs Node 20 or newer with npm; neither is on the PATH.")
    folder = str(CACHE / "prism")
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    Path(folder).mkdir(parents=True, exist_ok=True)
    subprocess.run([npm, "install", "--prefix", folder, *quiet, PRISM_PACKAGE], check=True)


def main(arguments: list[str]) -> None:
    """Fetch both; a sentence and exit 1 where something is missing."""
    try:
        fetch_specs(arguments[0] if arguments else "", CACHE / "specs")
        install_prism()
    except LookupError as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main(sys.argv[1:])

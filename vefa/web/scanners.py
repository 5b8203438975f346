"""Programs that follow links and fetch pictures before a person does, told by what they say of themselves.

Some say nothing. Those are told by their haste (`vefa.ledger.reactions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

#: Words in small letters that stand in the names of programs, never in a reader's browser.
AGENTS: Sequence[str] = (
    # mail gateways
    *("barracuda", "proofpoint", "mimecast", "safelinks", "symantec", "messagelabs", "trendmicro", "trend micro"),
    *("fortinet", "fortiguard", "sophos", "cloudmark", "ironport", "zscaler", "bitdefender", "forcepoint", "trustwave"),
    *(
        "appriver",
        "vade",
        "kaspersky",
        "microsoft office",
        "ms-office",
        "urldefense",
        "checkpoint",
        "fireeye",
        "avanan",
    ),
    # previews of messengers and networks
    *("facebookexternalhit", "whatsapp", "telegrambot", "slackbot", "twitterbot", "linkedinbot", "skypeuripreview"),
    *("discordbot", "bingpreview", "googleimageproxy", "yahoomailproxy", "google-safety", "applebot"),
    # crawlers and tools
    *("bot/", "bot;", "bot)", "crawler", "spider", "scanner", "headlesschrome", "phantomjs", "python-", "aiohttp"),
    *("curl/", "wget/", "go-http-client", "java/", "okhttp", "libwww", "axios", "node-fetch", "httpx", "scrapy"),
)
#: These fetch a picture at the moment at which a person looks at it, and only hide who that is.
VEILS = ("googleimageproxy", "yahoomailproxy")
#: Apple Mail fetches all pictures as soon as a letter is there, and says no more than this.
APPLE = "mozilla/5.0"
#: Headers by which browsers say that nobody has asked for the page yet.
AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")


def scanner_of(
    method: str, headers: Mapping[str, str], kind: Literal["clicked", "opened"], more: Sequence[str] = ()
) -> str:
    """What program asks; empty where it may be a person's."""
    agent = headers.get("user-agent", "").strip().lower()
    if method != "GET":
        return method.lower()
    if not agent:
        return "no name"
    if kind == "opened" and any(veil in agent for veil in VEILS):
        return ""
    if kind == "opened" and agent == APPLE:
        return "apple mail"
    if any(word in headers.get(name, "").lower() for name in AHEAD for word in ("prefetch", "preview")):
        return "prefetch"
    return next((word.strip("/;) -") for word in (*AGENTS, *map(str.lower, more)) if word in agent), "")

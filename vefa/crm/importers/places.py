"""Countries, and what most probably holds for a customer in one: time zone and language. Currencies.

Zones of countries with one zone come from the time zone database; for countries with several, the zone where most
people live is chosen here.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

MAIN_ZONES = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Hebron",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UM": "Pacific/Wake",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}

LANGUAGES = {
    language: countries.split()
    for language, countries in {
        "ar": "AE BH DZ EG IQ JO KW LB LY MA OM QA SA SD SY TN YE",
        "az": "AZ",
        "bg": "BG",
        "bs": "BA",
        "cs": "CZ",
        "da": "DK",
        "de": "AT CH DE LI",
        "el": "CY GR",
        "en": "AU CA GB GG GH IE IM IN JE KE MT NG NZ PH PK SG US ZA",
        "es": "AR BO CL CO CR CU DO EC ES GT HN MX NI PA PE PR PY SV UY VE",
        "et": "EE",
        "fa": "AF IR",
        "fi": "FI",
        "fr": "BE CI FR LU MC SN",
        "he": "IL",
        "hr": "HR",
        "hu": "HU",
        "hy": "AM",
        "id": "ID",
        "is": "IS",
        "it": "IT SM VA",
        "ja": "JP",
        "ka": "GE",
        "kk": "KZ",
        "ko": "KR",
        "lt": "LT",
        "lv": "LV",
        "mk": "MK",
        "ms": "MY",
        "nb": "NO",
        "nl": "NL",
        "pl": "PL",
        "pt": "AO BR MZ PT",
        "ro": "MD RO",
        "ru": "BY RU",
        "sk": "SK",
        "sl": "SI",
        "sq": "AL XK",
        "sr": "ME RS",
        "sv": "SE",
        "th": "TH",
        "tr": "TR",
        "uk": "UA",
        "uz": "UZ",
        "vi": "VN",
        "zh": "CN HK MO TW",
    }.items()
}

#: ISO 4217, as far as something can be paid in it.
_CURRENCIES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CURRENCIES.split())


@cache
def countries() -> frozenset[str]:
    """Every country code of ISO 3166-1 alpha-2."""
    return frozenset(row[0] for row in _table("iso3166.tab"))


@cache
def zones_of_countries() -> dict[str, str]:
    """The zone in which most customers of a country live."""
    found: dict[str, list[str]] = {}
    for row in _table("zone.tab"):
        found.setdefault(row[0], []).append(row[2])
    return {country: zones[0] for country, zones in found.items()} | MAIN_ZONES


@cache
def languages_of_countries() -> dict[str, str]:
    """The language that most customers of a country read."""
    return {country: language for language, those in LANGUAGES.items() for country in those}


@cache
def is_zone(name: str) -> bool:
    """Whether it is a zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _table(name: str) -> list[list[str]]:
    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]

"""Words that end messages, in any spelling; and what only looks like one."""

from __future__ import annotations

import pytest

from vefa.crm.sms_words import STARTS, STOPS, meaning, plain

NAMES = ["Örnek Mağaza", "ORNEK"]


@pytest.mark.parametrize(
    "text",
    [
        *sorted(STOPS),
        *(word.upper() for word in sorted(STOPS)),
        *("İPTAL", "iptal", "IPTAL", "ıptal", "İptal", "i̇ptal", "I\u0307PTAL", "ÇIK", "çık", "Cik", "çIk"),
        *(" Stop. ", "STOP!!", "stop\n", "“dur”", "opt-out", "Opt Out", "STOP ALL", "ｓｔｏｐ"),
        *("RET ORNEK", "ret örnek mağaza", "RET Ornek", "Ret başka marka", "RET", "iptal ornek", "DUR Örnek"),
        *("SMS istemiyorum", "mesaj istemiyorum!"),
    ],
)
def test_it_ends_messages(text: str) -> None:
    assert meaning(text, NAMES) == "stop"


@pytest.mark.parametrize("text", [*sorted(STARTS), "BAŞLA", "başlat", "BAŞLAT", "Unstop", "start örnek"])
def test_it_takes_that_back(text: str) -> None:
    assert meaning(text, NAMES) == "start"


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "👍", "?!", "hayır", "evet", "tamam"),
        *("iptal etmek istiyorum", "siparişimi iptal edin", "Dur bir dakika", "can I cancel my order?"),
        *("stop by the shop tomorrow?", "retro bir şey var mı", "ret aldım ama neden kimse bir şey demedi"),
        *("start nerede", "don't stop", "İPTALLER", "yes please send it"),
    ],
)
def test_it_is_for_a_person_to_read(text: str) -> None:
    assert meaning(text, NAMES) is None


def test_words_come_down_to_letters_from_a_to_z() -> None:
    assert plain("İÇİNDEKİ Işığı söndür, ĞÜŞ!") == ["icindeki", "isigi", "sondur", "gus"]


def test_without_a_name_only_the_word_alone_counts() -> None:
    assert meaning("iptal ornek") is None
    assert meaning("stop", ["", "🎁"]) == "stop"
    assert meaning("iptal et", ["", "🎁"]) is None

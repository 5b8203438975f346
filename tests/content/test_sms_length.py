import pytest

from vefa.content.sms import has_url, sms_size, transliterate, url_refusal


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 0),
        ("a", "GSM-7", 1, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the escape and its character stay together
        ("Çöüéñ@£", "GSM-7", 7, 1),
        ("[]{}^~\\|", "GSM-7", 16, 1),
        ("ç", "UCS-2", 1, 1),
        ("ş" * 70, "UCS-2", 70, 1),
        ("ş" * 71, "UCS-2", 71, 2),
        ("ş" * 134, "UCS-2", 134, 2),
        ("ş" * 135, "UCS-2", 135, 3),
        ("₺" + "a" * 69, "UCS-2", 70, 1),
        ("ı" + "a" * 70, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 134, 3),  # a surrogate pair is not torn apart
        ("“tırnak”", "UCS-2", 8, 1),
        ("â", "UCS-2", 1, 1),
        ("satır\nsatir".replace("ı", "i"), "GSM-7", 11, 1),
    ],
)
def test_segments_are_counted_as_operators_bill_them(text: str, encoding: str, units: int, segments: int) -> None:
    size = sms_size(text)

    assert (encoding, units, segments) == (size.encoding, size.units, size.segments)


def test_what_the_operator_appends_counts() -> None:
    assert sms_size("a" * 155, suffix_chars=5).segments == 1
    assert sms_size("a" * 156, suffix_chars=5).segments == 2
    assert sms_size("ş" * 66, suffix_chars=5).segments == 2


def test_transliteration_brings_turkish_into_one_cheap_segment() -> None:
    text = "Şükrü Bey, ığdır kayısısı ₺ “ÇOK” güzel…"

    assert transliterate(text) == 'Sükrü Bey, igdir kayisisi TL "ÇOK" güzel...'
    assert sms_size(transliterate(text)).encoding == "GSM-7"


@pytest.mark.parametrize(
    "text",
    ["https://a.example/x", "Bakın: ornek.com.tr/iade", "www.ornek.shop", "bit.ly/3xY", "HTTP://X", "ornek.com"],
)
def test_links_are_seen(text: str) -> None:
    assert has_url(text)


@pytest.mark.parametrize(
    "text", ["Siparişiniz yolda.", "1.234,50 TL", "Saat 09.30'da", "RET ORNEK 3338", "A.Ş. ve Ltd."]
)
def test_what_is_no_link_is_not_taken_for_one(text: str) -> None:
    assert not has_url(text)


def test_a_link_to_a_turkish_number_is_refused_and_others_are_not() -> None:
    assert "link" in (url_refusal("ornek.com", "+905551112233") or "")
    assert url_refusal("ornek.com", "+4917012345") is None
    assert url_refusal("yolda", "+905551112233") is None

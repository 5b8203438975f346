"""What the demo shop sells: things for the home, the wardrobe and the breakfast table, priced in lira."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from vefa.crm.demo_shop.spelling import slug


@dataclass(frozen=True)
class Article:
    """A product as the shop lists it."""

    outside_id: str
    name: str
    category: str
    brand: str
    price: Decimal
    url: str
    #: no pictures: a made-up shop's could not be loaded, and mail must look good without
    image_url: str | None = None
    guide_url: str | None = None


#: Each shelf: category, brand, how much of all sales it takes, and its goods, the best selling first.
SHELVES: tuple[tuple[str, str, float, str], ...] = (
    (
        "Ev Tekstili",
        "Pamukova",
        0.16,
        """Müslin yatak örtüsü çift kişilik:1490 Ranforce nevresim takımı:1290 Pamuklu havlu seti:640
        Keten kırlent kılıfı:280 Waffle bornoz:990 Peştemal:350 Örgü koltuk şalı:720 Yün battaniye:1890
        Jakarlı masa örtüsü:590 Keten runner:330 Bambu yastık:460 Bebek müslin örtü:240 Fitilli paspas:210
        Linen fon perde:1150 Tek kişilik pike:680""",
    ),
    (
        "Mutfak",
        "Ocakbaşı",
        0.14,
        """Döküm tava:1250 Bakır cezve:420 Porselen kahve fincanı takımı:890 Çift katlı çay bardağı altılı:380
        Ceviz kesme tahtası:540 Seramik servis tabağı:310 Granit tencere seti:3290 Zeytin ağacı kaşık seti:260
        Cam saklama kabı beşli:450 Emaye çaydanlık:780 Baharat değirmeni:340 Toprak güveç:290
        Hasır ekmek sepeti:220 Şef bıçağı:870 Pamuklu mutfak önlüğü:250""",
    ),
    (
        "Kadın Giyim",
        "Lale Sokak",
        0.19,
        """Keten gömlek elbise:1390 Triko hırka:890 Yüksek bel kumaş pantolon:990 Saten bluz:690
        Yün karışımlı kaban:3490 Pamuklu basic tişört:290 Pileli midi etek:850 Kaşmir dokulu atkı:420
        Denim ceket:1290 Desenli ipek fular:560 Blazer ceket:1690 Örgü yelek:620 Viskon tulum:1190
        Fitilli kazak:740 Trençkot:2790""",
    ),
    (
        "Erkek Giyim",
        "Rıhtım",
        0.13,
        """Oxford gömlek:790 Slim fit chino pantolon:890 Pike polo tişört:520 Yünlü kazak:990
        Su geçirmez parka:3190 Pamuklu boxer üçlü:360 Keten şort:590 Deri kemer:640 Denim gömlek:850
        Kapüşonlu sweatshirt:760 Kaşe palto:3890 Çizgili çorap beşli:240 Kadife ceket:1790
        İnce triko hırka:870 Basic tişört ikili:430""",
    ),
    (
        "Ayakkabı ve Çanta",
        "Yürüyüş",
        0.12,
        """Deri sneaker:1890 Süet bot:2290 Bez spor ayakkabı:890 Omuz çantası:1490 Deri cüzdan:640
        Hasır plaj çantası:590 Loafer ayakkabı:1690 Sırt çantası:1190 Topuklu sandalet:1290
        Ev terliği:320 Bel çantası:480 Yağmur botu:1090 Kartlık:290 Deri evrak çantası:2990 Babet:990""",
    ),
    (
        "Kahve ve Çay",
        "Sabahçı",
        0.1,
        """Türk kahvesi 250 g:210 Etiyopya filtre kahve 250 g:390 Rize siyah çay 500 g:190
        Kolombiya çekirdek kahve 1 kg:1190 Adaçayı demeti:95 Ihlamur 100 g:140 Dibek kahvesi 250 g:230
        Seylan çayı 250 g:260 Menengiç kahvesi:180 Soğuk demleme kiti:540 French press:690
        Sahlep 200 g:220 Papatya çayı:110 Kahve değirmeni:890 Hediye çay kutusu:470""",
    ),
    (
        "Kahvaltılık",
        "Zeytin Dalı",
        0.1,
        """Erken hasat zeytinyağı 1 L:690 Gemlik zeytini 1 kg:340 Karakovan balı 450 g:780 Kayısı reçeli:160
        Eski kaşar 500 g:420 Tahin pekmez ikilisi:240 Antep fıstıklı lokum:380 Çekme helva:210
        Kırma yeşil zeytin:260 Acı biber salçası:190 Kuru incir 500 g:290 Cevizli sucuk:230
        Domates kurusu:170 Fındık ezmesi:310 Kahvaltı sepeti:1390""",
    ),
    (
        "Bakım",
        "Defne",
        0.06,
        """Zeytinyağlı sabun dörtlü:190 Gül suyu:160 Lavanta kokulu mum:280 El kremi:150 Argan saç yağı:340
        Kese ve lif seti:120 Yüz temizleme köpüğü:260 Oda kokusu:390 Deniz tuzu peelingi:240 Dudak balmı:90
        Kolonya 400 ml:170 Badem vücut losyonu:290 Defne sabunu:110 Tıraş seti:640 Banyo hediye kutusu:720""",
    ),
)

#: Goods that one has to know how to use; their guides show it.
GUIDED = frozenset(
    (
        *("Döküm tava", "Bakır cezve", "Ceviz kesme tahtası", "Granit tencere seti", "Emaye çaydanlık", "Toprak güveç"),
        *("Müslin yatak örtüsü çift kişilik", "Yün battaniye", "Triko hırka", "Yün karışımlı kaban", "Deri sneaker"),
        *("Süet bot", "Deri cüzdan", "Türk kahvesi 250 g", "Soğuk demleme kiti", "French press", "Kahve değirmeni"),
    )
)

#: Every shelf holds as many, so a product's number is shelf * PER_SHELF + place.
PER_SHELF = 15


def _articles() -> tuple[Article, ...]:
    return tuple(
        _article(shelf * PER_SHELF + place, category, brand, words)
        for shelf, (category, brand, _, goods) in enumerate(SHELVES)
        for place, words in enumerate(_entries(goods))
    )


def _entries(goods: str) -> list[str]:
    """`name:price` entries; a name may hold spaces, a price ends it."""
    entries: list[str] = []
    name: list[str] = []
    for word in goods.split():
        name.append(word)
        if ":" in word:
            entries.append(" ".join(name))
            name = []
    return entries


def _article(number: int, category: str, brand: str, entry: str) -> Article:
    name, price = entry.split(":")
    path = slug(name)
    return Article(
        outside_id=f"P{number + 1:04}",
        name=name,
        category=category,
        brand=brand,
        price=Decimal(price),
        url=f"https://ornek.example/urun/{path}",
        guide_url=f"https://ornek.example/rehber/{path}" if name in GUIDED else None,
    )


ARTICLES = _articles()

"""Where the demo shop's customers live, what they are called there, and how long a parcel takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """A country that customers come from. `cities` are (name, zone, weight)."""

    code: str
    share: float
    language: str
    currency: str
    hours_from_utc: int
    cities: tuple[tuple[str, str, float], ...]
    female: tuple[str, ...]
    male: tuple[str, ...]
    last: tuple[str, ...]
    #: Chance of one, two, … eight days from shipping to delivery.
    lags: tuple[float, ...] = (0.0, 0.02, 0.08, 0.2, 0.28, 0.22, 0.13, 0.07)


def _turkish(*cities: tuple[str, float]) -> tuple[tuple[str, str, float], ...]:
    return tuple((name, "Europe/Istanbul", weight) for name, weight in cities)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COUNTRIES: tuple[Country, ...] = (
    Country(
        "TR", 0.85, "tr", "TRY", 3,
        _turkish(
            ("İstanbul", 34), ("Ankara", 14), ("İzmir", 11), ("Bursa", 7), ("Antalya", 6), ("Adana", 4), ("Konya", 4),
            ("Gaziantep", 3), ("Kocaeli", 3), ("Mersin", 3), ("Eskişehir", 3), ("Kayseri", 2), ("Muğla", 2),
            ("Trabzon", 2), ("Çanakkale", 1), ("Diyarbakır", 1), ("Şanlıurfa", 1), ("Iğdır", 0.3),
        ),
        _names(
            """
            Zeynep Elif Ayşe Fatma Emine Hatice Merve Büşra Esra Özlem Gülşen Şule Çiğdem Ebru Derya
            Pınar Sevgi Tuğba Nur Sıla Defne Ece İrem Melis Ceren Damla Gizem Hande Aslı Yasemin Nazlı
            Burcu Selin Deniz Filiz Gül İpek Leyla Songül Ümran Ülkü Dilek Nesrin Canan Aylin Begüm
            Beyza Cansu Duygu Hülya İlknur Kübra Meltem Müge Nilüfer Öykü Rabia Sibel Şeyma Yağmur
            """
        ),
        _names(
            """
            Mehmet Ahmet Mustafa Ali Hüseyin İbrahim Hasan Murat Ömer Yusuf Emre Burak Oğuz Çağrı Şükrü
            Ümit Uğur Kerem Efe Can Barış Cem Deniz Eren Furkan Gökhan Halil İlker Kaan Levent Onur
            Orhan Özgür Serkan Sinan Tolga Volkan Yiğit Tuncay Şahin Işık Koray Doruk Alper Berk Cihan
            Doğan Ercan Fatih Görkem Hakan İsmail Kadir Metin Necati Rıza Selçuk Taner Umut Zafer
            """
        ),
        _names(
            """
            Yılmaz Kaya Demir Şahin Çelik Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan
            Çetin Kara Koç Kurt Özkan Şimşek Polat Korkmaz Özer Çakır Erdoğan Güneş Aksoy Bulut Keskin
            Ünal Turan Gül Özgür Ateş Aktaş Tekin Uçar Güler Sarı Işık Avcı Taş Yavuz Bozkurt Acar Duman
            Ergin Soylu İnce Uysal Türkmen Karaca Sezer Toprak Ceylan Başaran Gündoğdu Kırmızı Ağaoğlu
            Öner Tunç Şen Peker Akın Eren Çoban Durmaz Ekinci Gökçe Işıklar
            """
        ),
        (0.34, 0.3, 0.16, 0.09, 0.05, 0.03, 0.02, 0.01),
    ),
    Country(
        "DE", 0.05, "de", "EUR", 1,
        tuple((city, "Europe/Berlin", weight) for city, weight in (
            ("Berlin", 4), ("Köln", 3), ("Hamburg", 2), ("München", 2), ("Frankfurt am Main", 2), ("Düsseldorf", 1),
        )),
        _names("Anna Hannelore Lena Sophie Katharina Ursula Jana Greta Käthe Elif Heike Birgit Mia Frieda"),
        _names("Lukas Jürgen Jörg Felix Paul Matthias Günther Björn Max Emre Stefan Moritz Uwe Karl"),
        _names(
            """
            Müller Schäfer Weiß Krüger Schröder Vogel Köhler Jäger Groß Böhm Yılmaz Lehmann Franke
            Busch
            """
        ),
    ),
    Country(
        "GB", 0.025, "en", "EUR", 0,
        tuple((city, "Europe/London", weight) for city, weight in (
            ("London", 5), ("Manchester", 2), ("Leeds", 1), ("Edinburgh", 1), ("Bristol", 1),
        )),
        _names("Olivia Emily Grace Charlotte Hannah Lucy Ruby Alice Fiona Zoë Imogen Beth"),
        _names("Oliver Jack Harry George Callum Thomas Rhys Ewan Daniel Arthur Stephen Miles"),
        _names("Smith Taylor O'Neill Evans Walker Thompson Hughes Clarke MacLeod Bennett Shaw Ellis"),
    ),
    Country(
        "FR", 0.02, "fr", "EUR", 1,
        tuple((city, "Europe/Paris", weight) for city, weight in (
            ("Paris", 4), ("Lyon", 2), ("Marseille", 2), ("Strasbourg", 1), ("Nîmes", 1),
        )),
        _names("Chloé Inès Camille Léa Manon Zoé Amélie Hélène Noémie Élodie Agathe Lucie"),
        _names("Hugo Théo François Jérôme Rémi Loïc Étienne Mathéo Benoît Cédric Noël Gaël"),
        _names("Lefèvre Moreau Lemaître Garçon Dubois Béranger Rousseau Gérard Chevalier Leclère Noël Faÿ"),
    ),
    Country(
        "NL", 0.02, "nl", "EUR", 1,
        tuple((city, "Europe/Amsterdam", weight) for city, weight in (
            ("Amsterdam", 3), ("Rotterdam", 2), ("Utrecht", 1), ("Eindhoven", 1),
        )),
        _names("Sanne Femke Daniëlle Lotte Anouk Maud Roos Noor Fleur Saskia Esmée Tess"),
        _names("Daan Sem Bram Thijs Joost Ruben Jeroen Sjoerd Mees Pieter Koen Rens"),
        _names("Jansen Visser Bakker Meijer Smit Mulder Bos Dekker Brouwer Kuipers Schouten Postma"),
    ),
    Country(
        "US", 0.02, "en", "TRY", -5,
        (
            ("New York", "America/New_York", 4), ("Chicago", "America/Chicago", 2),
            ("Denver", "America/Denver", 1), ("Los Angeles", "America/Los_Angeles", 3),
        ),
        _names("Emma Ava Madison Sofia Hailey Brooklyn Naomi Riley Jasmine Paige Autumn Savannah"),
        _names("Liam Noah Ethan Mason Logan José Tyler Aiden Marcus Dylan Wyatt Caleb"),
        _names("Johnson Williams Brown Garcia Martínez Davis Anderson Lee Nguyen Carter Brooks Reed"),
    ),
    Country(
        "AE", 0.01, "ar", "TRY", 4,
        (("Dubai", "Asia/Dubai", 3), ("Abu Dhabi", "Asia/Dubai", 1)),
        _names("Fatima Aisha Maryam Noura Layla Hessa Salma Reem Amal Yasmin"),
        _names("Mohammed Abdullah Khalid Omar Rashid Saeed Hamdan Yousef Tariq Faisal"),
        _names("Al-Mansoori Al-Hashimi Haddad Khoury Al-Suwaidi Nasser Saleh Qasim Darwish Al-Amiri"),
    ),
    Country(
        "SA", 0.005, "ar", "TRY", 3,
        (("Riyadh", "Asia/Riyadh", 2), ("Jeddah", "Asia/Riyadh", 1)),
        _names("Sara Nouf Hind Lama Maha Dana Rania Huda Ghada Abeer"),
        _names("Abdulaziz Fahad Sultan Turki Bandar Nawaf Majed Saud Ziyad Badr"),
        _names("Al-Harbi Al-Otaibi Al-Ghamdi Al-Zahrani Hamdan Al-Qahtani Bakr Mahmoud Al-Shehri Farouk"),
    ),
)  # fmt: skip

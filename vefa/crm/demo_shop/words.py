"""What the demo shop's customers say, in Turkish and in English."""

from __future__ import annotations

#: By language and mood.
REVIEWS: dict[str, dict[str, tuple[str, ...]]] = {
    "tr": {
        "good": (
            "Beklediğimden de güzel çıktı, teşekkürler.",
            "Kumaşı çok yumuşak, rengi fotoğraftaki gibi.",
            "Paketleme özenliydi, hediye notuna bayıldım.",
            "İkinci alışım, yine memnunum.",
            "Annem çok beğendi, aynısından bir tane daha alacağım.",
            "Hızlı geldi, ürün tam anlatıldığı gibi.",
        ),
        "fair": (
            "Ürün güzel ama kargo biraz geç geldi.",
            "İdare eder, fiyatına göre fena değil.",
            "Rengi ekranda gördüğümden biraz koyu.",
            "Kalıbı biraz dar, bir beden büyük alın.",
        ),
        "poor": (
            "Kutusu ezik geldi, içindeki kırılmıştı.",
            "Kargo sekiz gün sürdü, bu kadar beklemek istemezdim.",
            "İlk yıkamada çekti, hayal kırıklığı.",
            "Eksik parça çıktı, destekten dönüş bekliyorum.",
        ),
    },
    "en": {
        "good": (
            "Even nicer than in the pictures.",
            "Soft, well made, and it arrived quickly.",
            "Lovely packaging; I will order again.",
            "A gift for my mother, and she loves it.",
        ),
        "fair": (
            "Good product, but delivery took a while.",
            "All right for the price.",
            "The colour is a little darker than on the screen.",
        ),
        "poor": (
            "The box was crushed and one piece was broken.",
            "It took more than a week to arrive.",
            "It shrank in the first wash.",
        ),
    },
}

#: The mood of a rating from 1 to 5.
MOODS = ("poor", "poor", "fair", "good", "good")

#: What tickets are about: how often, and how they begin.
TICKETS: tuple[tuple[str, float, dict[str, tuple[str, ...]]], ...] = (
    (
        "delivery",
        0.42,
        {
            "tr": ("Kargom nerede?", "Paketim gecikti", "Teslim edildi görünüyor ama bende yok"),
            "en": ("Where is my parcel?", "My parcel is late", "Marked as delivered, but not here"),
        },
    ),
    (
        "product",
        0.24,
        {
            "tr": ("Ürün kusurlu geldi", "Yanlış beden gönderilmiş", "Pakette eksik ürün var"),
            "en": ("The product has a fault", "I got the wrong size", "Something is missing from the box"),
        },
    ),
    (
        "return",
        0.18,
        {
            "tr": ("Nasıl iade edebilirim?", "İadem ne zaman yatar?"),
            "en": ("How do I send it back?", "When do I get my refund?"),
        },
    ),
    (
        "payment",
        0.1,
        {
            "tr": ("Kartımdan iki kez çekildi", "Faturam gelmedi"),
            "en": ("I was charged twice", "I did not get an invoice"),
        },
    ),
    (
        "other",
        0.06,
        {"tr": ("Üyelik bilgilerim", "Bir sorum var"), "en": ("My account", "I have a question")},
    ),
)

AGENTS = ("Sevda", "Okan", "Nihal", "Tarık", "Gonca", "Ilgaz")

RETURN_REASONS: dict[str, tuple[str, ...]] = {
    "tr": ("Beden uymadı", "Kusurlu ürün", "Beklediğim gibi değil", "Geç geldi", "Vazgeçtim"),
    "en": ("Wrong size", "Faulty", "Not as expected", "Came too late", "Changed my mind"),
}

COMMENTS: dict[str, tuple[str, ...]] = {
    "tr": ("Kargo daha hızlı olabilirdi.", "Her şey yolundaydı.", "İlgilenen arkadaşa teşekkürler.", "Fiyatlar arttı."),
    "en": ("Delivery could be faster.", "All was well.", "Thanks to the person who helped me.", "Prices went up."),
}

CARRIERS = ("Martı Kargo", "Pusula Kargo", "Yelken Kargo")
CARRIER_ABROAD = "Ufuk Post"

COUPONS = ("HOSGELDIN10", "BAHAR10", "YAZ10", "SEPET10")

#: What customers add to a ticket's subject.
ASKED: dict[str, tuple[str, ...]] = {
    "tr": (
        "Yardımcı olur musunuz?",
        "Bir an önce dönüş yaparsanız sevinirim.",
        "Sipariş numaram ekranda görünüyor olmalı.",
    ),
    "en": ("Can you help?", "I would be glad of a quick answer.", "You should see my order number."),
}

#: The first answer, by what the ticket is about.
REPLIES: dict[str, dict[str, tuple[str, ...]]] = {
    "delivery": {
        "tr": (
            "Merhaba, ben {agent}. Kargo firmasını arıyorum, hemen döneceğim.",
            "Merhaba, paketiniz şubede; bugün dağıtıma çıkıyor.",
        ),
        "en": (
            "Hello, this is {agent}. I am calling the carrier now.",
            "Hello, your parcel is at the depot and goes out today.",
        ),
    },
    "product": {
        "tr": (
            "Çok üzgünüz. Yenisini bugün yola çıkarıyoruz.",
            "Merhaba, ben {agent}. Bir fotoğraf gönderebilir misiniz?",
        ),
        "en": ("We are sorry. A new one leaves today.", "Hello, this is {agent}. Could you send a photo?"),
    },
    "return": {
        "tr": ("İade kodunuzu e-postayla gönderdim.", "İadeniz elimize ulaştı; paranız iki iş gününde hesabınızda."),
        "en": ("I have sent you the return code.", "Your return is here; the refund takes two working days."),
    },
    "payment": {
        "tr": ("Kontrol ettim, ikinci çekim iptal edildi.", "Faturanızı yeniden gönderiyorum."),
        "en": ("I have checked: the second charge is cancelled.", "I am sending the invoice again."),
    },
    "other": {
        "tr": ("Merhaba, ben {agent}. Hemen bakıyorum.",),
        "en": ("Hello, this is {agent}. I am looking into it.",),
    },
}

#: The last words of the agent, and those of the customer.
SOLVED: dict[str, tuple[str, ...]] = {
    "tr": ("Sorununuzu çözdük; başka bir şey olursa buradayım.", "İşlem tamam. İlginiz için teşekkürler."),
    "en": ("This is solved; I am here if anything comes up.", "All done. Thank you for your patience."),
}
THANKS: dict[str, tuple[str, ...]] = {
    "tr": ("Teşekkür ederim, hızlıydınız.", "Sağ olun.", "Tamamdır, teşekkürler."),
    "en": ("Thank you, that was quick.", "Thanks.", "All well now, thank you."),
}

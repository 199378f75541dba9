"""A corpus of small, distinct PDFs, each with a word that no other has. Each page takes its reader a
while, so that faults meet work that is under way."""

import hashlib
import random
from dataclasses import dataclass, field

import pdfs

_SYLLABLES = "ba de fi go hu ka le mi no pu ra se ti vo zu".split()
WORDS_A_PAGE = 60
MOST_PAGES = 6
SLOW_LEVELS = 4


@dataclass(frozen=True)
class Document:
    name: str
    word: str          # stands once on each of its pages, and in no other document
    pages: int
    pdf: bytes = field(repr=False)
    sha256: str = field(repr=False)


def own_word(number):
    """A word of syllables, another for each number."""
    word = ""
    for _ in range(4):
        number, syllable = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[syllable]
    return "x" + word + "q"


def make_document(number, pages, words=WORDS_A_PAGE):
    word = own_word(number)
    texts = [f"{pdfs.filler(f'{number}-{page}', words)} The {word} stands here."
             for page in range(1, pages + 1)]
    pdf = pdfs.slow_pages(pdfs.text_pdf(texts, f"Document {number}"), SLOW_LEVELS)
    return Document(f"document-{number}.pdf", word, pages, pdf, hashlib.sha256(pdf).hexdigest())


def make_corpus(count):
    chance = random.Random(count)
    return [make_document(number, chance.randint(1, MOST_PAGES)) for number in range(count)]

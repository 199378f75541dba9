"""PDFs for the tests, made by code, so that a test knows every word and its place.

Places are in points from the upper left of the page as it is shown, like Quire's own."""

import io
import random
from dataclasses import dataclass

import pikepdf
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen import canvas

A4 = (595, 842)
FONT, SIZE, LEADING = "Helvetica", 12, 16
MARGIN = 60

# Each fact stands on one page of a test's document only; its question finds that page.
FACTS = [
    ("The lighthouse at Cape Varnholm was built of grey granite in 1874.",
     "When was the lighthouse at Cape Varnholm built?"),
    ("Every pump needs forty millilitres of silicone grease each spring.",
     "How much grease does a pump need?"),
    ("The marmalade committee elected Ottilie Brandt as its treasurer.",
     "Who is treasurer of the marmalade committee?"),
    ("Penguins of the southern colony dive to five hundred metres.",
     "How deep do the penguins dive?"),
    ("The violin maker prefers spruce from the shaded side of the valley.",
     "Which wood does the violin maker like?"),
    ("Invoices above nine thousand crowns must be signed by two directors.",
     "Who has to sign large invoices?"),
    ("A sourdough loaf rests for eighteen hours before it is baked.",
     "How long does the bread dough rest?"),
    ("The tram depot at Kestrel Road closes for repairs in November.",
     "When is the tram depot closed?"),
    ("Glacier meltwater turns the upper lake milky green by August.",
     "What colour is the lake in summer?"),
    ("The telescope mirror is polished to within twenty nanometres.",
     "How precisely is the mirror polished?"),
]

_FILLER = ("the and of to in a is that for on with as by this from at which are an it was or be "
           "general several further section report figure result method value review period "
           "common first second usual early late small large open plain other same many few "
           "office paper list table chair corner street river summer winter morning evening").split()


@dataclass(frozen=True)
class Word:
    text: str
    box: tuple   # x0, y0 (top), x1, y1 (baseline)


def filler(seed, words=60):
    """Sentences that say nothing, the same for the same seed."""
    chance = random.Random(seed)
    text, left = [], words
    while left > 0:
        length = min(left, chance.randint(7, 12))
        sentence = [chance.choice(_FILLER) for _ in range(length)]
        text.append(" ".join(sentence).capitalize() + ".")
        left -= length
    return " ".join(text)


def wrap(text, width, font=FONT, size=SIZE):
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and pdfmetrics.stringWidth(longer, font, size) > width:
            lines.append(line)
            longer = word
        line = longer
    return lines + [line] if line else lines


class Book:
    """Pages of text whose words' places are kept: book.words [page - 1]."""

    def __init__(self, size=A4, title=None):
        self.size = size
        self.output = io.BytesIO()
        self.canvas = canvas.Canvas(self.output, pagesize=size, invariant=1)
        if title:
            self.canvas.setTitle(title)
        self.words = [[]]

    def line(self, x, y, text, font=FONT, size=SIZE):
        """One line with its baseline y points below the page's top."""
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, self.size[1] - y, text)
        at = x
        for word in text.split(" "):
            width = pdfmetrics.stringWidth(word, font, size)
            if word:
                self.words[-1].append(Word(word, (at, y - size * 0.7, at + width, y)))
            at += width + pdfmetrics.stringWidth(" ", font, size)

    def paragraph(self, x, y, text, width):
        """Wrapped lines. Returns the y of what follows."""
        for line in wrap(text, width):
            self.line(x, y, line)
            y += LEADING
        return y + LEADING

    def next_page(self):
        self.canvas.showPage()
        self.words.append([])

    def pdf(self):
        self.canvas.showPage()
        self.canvas.save()
        return self.output.getvalue()


def text_book(pages, title=None):
    """A page of wrapped text for each text."""
    book = Book(title=title)
    for number, text in enumerate(pages):
        if number:
            book.next_page()
        book.paragraph(MARGIN, 80, text, A4[0] - 2 * MARGIN)
    return book


def text_pdf(pages, title=None):
    return text_book(pages, title).pdf()


def fact_pages(count, facts=FACTS, seed=1):
    """Texts of `count` pages; fact i stands on page 1 + i * count // len (facts).
    Returns the texts and {fact index: page}."""
    texts = [filler(f"{seed}-{page}", 80) for page in range(1, count + 1)]
    places = {}
    for index, (sentence, _) in enumerate(facts):
        page = 1 + index * count // len(facts)
        texts[page - 1] += " " + sentence
        places[index] = page
    return texts, places


def two_columns(left, right):
    book = Book()
    for x, text in ((MARGIN, left), (325, right)):
        for row, line in enumerate(wrap(text, 210)):
            book.line(x, 80 + row * LEADING, line)
    return book


def table(rows):
    book = Book()
    book.line(MARGIN, 80, "Results by region", size=16)
    for number, row in enumerate(rows):
        y = 120 + number * 24
        for column, cell in enumerate(row):
            book.line(MARGIN + column * 120, y, cell)
        book.canvas.line(MARGIN, book.size[1] - y - 6, 535, book.size[1] - y - 6)
    return book


def rotated_text(angle_words):
    """Words written at an angle (degrees, anticlockwise), each at its own place: [(angle, word)].
    Returns the PDF and the place of each word's start."""
    book, places = Book(), []
    for number, (angle, word) in enumerate(angle_words):
        x, y = 150 + (number % 2) * 250, 200 + (number // 2) * 250
        book.canvas.saveState()
        book.canvas.translate(x, book.size[1] - y)
        book.canvas.rotate(angle)
        book.canvas.setFont(FONT, 20)
        book.canvas.drawString(0, 0, word)
        book.canvas.restoreState()
        places.append((x, y))
    return book.pdf(), places


def rotate_pages(pdf, angle):
    """The same PDF with /Rotate on each page."""
    return rewrite(pdf, lambda document: [page.rotate(angle, relative=False)
                                          for page in document.pages])


def shown_box(box, size, angle):
    """Where a box of the page stands when the page is shown turned clockwise by angle."""
    width, height = size

    def turn(x, y):
        return {0: (x, y), 90: (height - y, x), 180: (width - x, height - y),
                270: (y, width - x)}[angle]

    (ax, ay), (bx, by) = turn(box[0], box[1]), turn(box[2], box[3])
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def rewrite(pdf, change, **save):
    with pikepdf.open(io.BytesIO(pdf)) as document:
        change(document)
        output = io.BytesIO()
        document.save(output, **save)
        return output.getvalue()


def encrypted(pdf, user, owner="owner"):
    return rewrite(pdf, lambda document: None,
                   encryption=pikepdf.Encryption(user=user, owner=owner, R=6))


# -- any script, with no font file: a Type 3 font of boxes whose ToUnicode says what they are -------

GLYPH_WIDTH = 0.6   # of the size


def glyph_pdf(lines, size=A4):
    """Lines of glyphs: [(x, y, font size, [text of each glyph])]; a glyph may stand for several
    characters, as a ligature does."""
    glyphs = sorted({glyph for line in lines for glyph in line[3]})
    codes = {glyph: number + 1 for number, glyph in enumerate(glyphs)}
    document = pikepdf.new()
    document.add_blank_page(page_size=size)
    page = document.pages[0]
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=_box_font(document, codes)))
    content = []
    for x, y, font_size, text in lines:
        shown = "".join(f"{codes[glyph]:02x}" for glyph in text)
        content.append(f"BT /F {font_size} Tf {x} {size[1] - y} Td <{shown}> Tj ET")
    page.Contents = document.make_stream("\n".join(content).encode())
    output = io.BytesIO()
    document.save(output)
    return output.getvalue()


def _box_font(document, codes):
    box = document.make_stream(b"600 0 0 0 550 700 d1 50 0 500 700 re f")
    blank = document.make_stream(b"600 0 0 0 550 700 d1")
    names = {glyph: f"/g{code}" for glyph, code in codes.items()}
    procedures = pikepdf.Dictionary({names[glyph]: blank if glyph == " " else box
                                     for glyph in codes})
    entries = "\n".join(f"<{code:02x}> <{glyph.encode('utf-16-be').hex()}>"
                        for glyph, code in codes.items())
    to_unicode = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /T def\n"
        "/CMapType 2 def 1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{entries}\nendbfchar endcmap end end")
    return document.make_indirect(pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type3, FontBBox=[0, 0, 600, 700],
        FontMatrix=[0.001, 0, 0, 0.001, 0, 0], FirstChar=1, LastChar=len(codes),
        Widths=[600] * len(codes), CharProcs=procedures, Resources=pikepdf.Dictionary(),
        Encoding=pikepdf.Dictionary(
            Type=pikepdf.Name.Encoding,
            Differences=[1] + [pikepdf.Name(names[glyph]) for glyph in codes]),
        ToUnicode=document.make_stream(to_unicode.encode())))


def chinese(lines):
    book = Book()
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    for number, text in enumerate(lines):
        book.canvas.setFont("STSong-Light", 14)
        book.canvas.drawString(MARGIN, book.size[1] - 100 - number * 24, text)
    return book.pdf()


# -- pictures ---------------------------------------------------------------------------------------

SCAN_DPI = 150


def scan_image(lines, size=(475, 640)):
    """A picture of printed lines, of a size in points."""
    scale = SCAN_DPI / 72
    font = ImageFont.load_default(size=14 * scale)
    picture = Image.new("L", tuple(int(side * scale) for side in size), 255)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((10, 10 + number * 28 * scale), line, fill=0, font=font)
    return picture


def scan(lines, digital=()):
    """A page that is a picture of `lines`, with `digital` as real text above it."""
    book = Book()
    for number, line in enumerate(digital):
        book.line(MARGIN, 60 + number * LEADING, line)
    picture = scan_image(lines)
    width, height = (side * 72 / SCAN_DPI for side in picture.size)
    book.canvas.drawImage(ImageReader(picture), MARGIN, book.size[1] - 140 - height, width, height)
    return book.pdf()


def drawing_only():
    """Lines and curves, no text, no picture."""
    book = Book()
    for step in range(40):
        book.canvas.line(50, 50 + step * 10, 500, 700 - step * 12)
        book.canvas.circle(300, 400, step * 5)
    return book.pdf()


def blank(pages=1):
    book = Book()
    for _ in range(pages - 1):
        book.next_page()
    return book.pdf()


# -- hostile ----------------------------------------------------------------------------------------

def endless_page(pdf, number):
    """The PDF with page `number` made of forms that draw each other, 10^12 paths in all: no reader
    comes to its end, and it takes no memory."""
    def change(document):
        page = document.pages[number - 1]
        _draw_forms(document, page, 12)
        page.Contents = document.make_stream(b"/X Do")
    return rewrite(pdf, change)


def slow_pages(pdf, levels):
    """The PDF with 10^levels paths on each page beside what is there."""
    def change(document):
        for page in document.pages:
            _draw_forms(document, page, levels)
            page.contents_add(document.make_stream(b"/X Do"))
    return rewrite(pdf, change)


def _draw_forms(document, page, levels):
    """Gives the page a form X of ten forms of ten forms … of one path."""
    form = document.make_stream(b"0 0 m 1 1 l S", Type=pikepdf.Name.XObject,
                                Subtype=pikepdf.Name.Form, BBox=[0, 0, 9, 9])
    for _ in range(levels):
        form = document.make_stream(
            b"/X Do " * 10, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 9, 9],
            Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=form)))
    if "/Resources" not in page:
        page.Resources = pikepdf.Dictionary()
    page.Resources.XObject = pikepdf.Dictionary(X=form)


def broken_page(pdf, number):
    """The PDF with the content of page `number` replaced by bytes that mean nothing."""
    def change(document):
        document.pages[number - 1].Contents = document.make_stream(b"\xff\x00 ( << [ BT Tj \x80" * 50)
    return rewrite(pdf, change)

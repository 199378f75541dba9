"""What curl sees of a file: the ledger, a page's text and word boxes, its picture with a passage
marked."""

import io

import pytest
from PIL import Image, ImageChops

import pdfs
from conftest import is_error

TOLERANCE = 2.5   # points


def picture(service, file_id, page, **params):
    answer = service.http.get(f"/v1/files/{file_id}/pages/{page}/image", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def drawn_words(page):
    """[(text, box)] of a page answer."""
    return [(page["text"][word["start"]:word["end"]], word["box"]) for word in page["words"]]


def is_at(box, expected, size=pdfs.SIZE):
    """A word's box lies along its baseline: exactly along the line, and within a line's height."""
    assert box[0] == pytest.approx(expected[0], abs=TOLERANCE)
    assert box[2] == pytest.approx(expected[2], abs=TOLERANCE)
    assert expected[1] - size * 0.6 <= box[1] <= expected[1] + TOLERANCE
    assert expected[3] - TOLERANCE <= box[3] <= expected[3] + size * 0.5


def is_marked_there_only(plain, marked, box, scale):
    """The two pictures differ inside the box (points), nearly everywhere there, and nowhere else.
    Returns the part of the plain picture that was marked."""
    changed = ImageChops.difference(plain, marked).convert("L").point(lambda v: 255 if v > 8 else 0)
    left, top, right, bottom = changed.getbbox()
    slack = 2 + scale
    assert left >= box[0] * scale - slack and top >= box[1] * scale - slack
    assert right <= box[2] * scale + slack and bottom <= box[3] * scale + slack
    area = (right - left) * (bottom - top)
    assert area >= 0.8 * (box[2] - box[0]) * (box[3] - box[1]) * scale * scale
    part = changed.crop((left, top, right, bottom))
    assert sum(part.histogram()[1:]) > 0.4 * area
    return left, top, right, bottom


def is_yellow(marked, area):
    """The mark's commonest colour is a yellow: blue is what it takes away."""
    part = marked.crop(area)
    _, (red, green, blue) = max(part.getcolors(part.width * part.height))
    assert red > 200 and green > 180 and blue < min(red, green) - 40, (red, green, blue)


def has_ink(plain, area):
    return plain.crop(area).convert("L").getextrema()[0] < 100


# -- ledger -----------------------------------------------------------------------------------------

def test_ledger(service, facts):
    lines = service.ledger(facts.file_id)
    assert [line["page"] for line in lines] == list(range(1, 21))
    for line in lines:
        assert line["status"] == "text" and not line["reason"]
        assert line["words"] == len(service.page(facts.file_id, line["page"])["words"])
        assert line["chunks"] >= 1


def test_ledger_in_parts(service, facts):
    first = service.http.get(f"/v1/files/{facts.file_id}/pages", params={"limit": 7}).json()
    assert [line["page"] for line in first["data"]] == list(range(1, 8)) and first["has_more"]
    last = service.http.get(f"/v1/files/{facts.file_id}/pages",
                            params={"limit": 7, "after": 14}).json()
    assert [line["page"] for line in last["data"]] == list(range(15, 21)) and not last["has_more"]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": "many"}, {"after": "x"},
                                    {"limit": 10 ** 30}, {"after": -1}])
def test_ledger_with_wrong_numbers(service, facts, params):
    is_error(service.http.get(f"/v1/files/{facts.file_id}/pages", params=params), 400)


# -- text and boxes ---------------------------------------------------------------------------------

def test_every_word_stands_where_it_was_drawn(service, facts):
    for number in (1, 8, 20):
        page = service.page(facts.file_id, number)
        assert (page["page"], page["status"]) == (number, "text")
        assert (page["width"], page["height"]) == pytest.approx(pdfs.A4, abs=1)
        assert " ".join(page["text"].split()) == facts.texts[number - 1]
        words, expected = drawn_words(page), facts.book.words[number - 1]
        assert [text for text, _ in words] == [word.text for word in expected]
        for (_, box), word in zip(words, expected):
            is_at(box, word.box)


def test_quads_agree_with_boxes(service, facts):
    for word in service.page(facts.file_id, 3)["words"]:
        xs, ys = word["quad"][0::2], word["quad"][1::2]
        assert len(xs) == len(ys) == 4
        assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(tuple(word["box"]), abs=0.05)


def test_chunks_are_ranges_of_the_text(service, facts):
    page = service.page(facts.file_id, 5)
    assert page["chunks"]
    for chunk in page["chunks"]:
        assert 0 <= chunk["start"] < chunk["end"] <= len(page["text"])
    covered = set()
    for chunk in page["chunks"]:
        covered.update(range(chunk["start"], chunk["end"]))
    assert all(at in covered for at, letter in enumerate(page["text"]) if not letter.isspace())


@pytest.mark.parametrize("number, status, code", [
    ("0", 404, "page_not_found"), ("21", 404, "page_not_found"), ("4294967297", 404, None),
    ("-1", 404, None), ("x", 404, None), ("1.5", 404, None), ("99999999999999999999999", 404, None),
])
@pytest.mark.parametrize("part", ["", "/image"])
def test_pages_that_are_none(service, facts, number, status, code, part):
    answer = service.http.get(f"/v1/files/{facts.file_id}/pages/{number}{part}")
    assert answer.status_code in (400, status)
    is_error(answer, answer.status_code, code)


@pytest.mark.parametrize("path", ["", "/pages", "/pages/1", "/pages/1/image", "/content"])
def test_of_no_file(service, path):
    is_error(service.http.get(f"/v1/files/file-none{path}"), 404, "file_not_found")


# -- pictures ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("width", [16, 100, 1000, 3900])
def test_picture_has_the_width_asked_for(service, facts, width):
    drawn = picture(service, facts.file_id, 1, width=width)
    assert drawn.width == width
    assert drawn.height == pytest.approx(width * pdfs.A4[1] / pdfs.A4[0], abs=2)


def test_picture_is_as_large_as_one_message_holds(service, facts):
    assert 3900 < picture(service, facts.file_id, 1, width=4000).width <= 4000


def test_picture_is_1000_wide_by_default(service, facts):
    drawn = picture(service, facts.file_id, 1)
    assert drawn.width == 1000 and has_ink(drawn, (0, 0, 1000, 400))


def test_a_word_is_marked_and_nothing_else(service, facts):
    page = service.page(facts.file_id, 4)
    scale = 1200 / page["width"]
    plain = picture(service, facts.file_id, 4, width=1200)
    for word in page["words"][3:60:14]:
        marked = picture(service, facts.file_id, 4, width=1200,
                         highlight=f"{word['start']}-{word['end']}")
        area = is_marked_there_only(plain, marked, word["box"], scale)
        assert has_ink(plain, area)
        is_yellow(marked, area)


def test_a_found_passage_is_marked(service, facts):
    best = service.search(facts.store, pdfs.FACTS[2][1])[0]
    plain = picture(service, facts.file_id, best["page"])
    marked = picture(service, facts.file_id, best["page"], highlight=best["highlight"])
    assert ImageChops.difference(plain, marked).getbbox()


def test_several_ranges(service, facts):
    words = service.page(facts.file_id, 4)["words"]
    ranges = ",".join(f"{word['start']}-{word['end']}" for word in (words[0], words[-1]))
    plain = picture(service, facts.file_id, 4)
    changed = ImageChops.difference(plain, picture(service, facts.file_id, 4, highlight=ranges))
    left, top, right, bottom = changed.getbbox()
    scale = 1000 / pdfs.A4[0]
    assert top == pytest.approx(words[0]["box"][1] * scale, abs=4)
    assert bottom == pytest.approx(words[-1]["box"][3] * scale, abs=4)


@pytest.mark.parametrize("params", [
    {"width": 15}, {"width": 4001}, {"width": "wide"}, {"width": -5}, {"width": 10 ** 20},
    {"highlight": "x"}, {"highlight": "9-3"}, {"highlight": "1"}, {"highlight": "1-2-3"},
    {"highlight": "-5-9"}, {"highlight": "99999999999999999999-99999999999999999999"},
    {"highlight": "1-2," * 100_0},
])
def test_pictures_that_are_none(service, facts, params):
    is_error(service.http.get(f"/v1/files/{facts.file_id}/pages/1/image", params=params), 400)


def test_a_range_past_the_text_marks_what_there_is(service, facts):
    answer = service.http.get(f"/v1/files/{facts.file_id}/pages/1/image",
                              params={"highlight": "0-4000000000"})
    if answer.status_code != 200:
        is_error(answer, 400)

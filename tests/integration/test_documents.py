"""Every kind of PDF: each becomes pages with text, or ends with a reason that a person
understands."""

import threading

import pytest

import pdfs
from conftest import is_error
from service import wait_until
from test_pages import (TOLERANCE, drawn_words, has_ink, is_marked_there_only, picture)


@pytest.fixture
def finish(service):
    """Uploads, waits for the end, and deletes when the test is over."""
    ids = []

    def run(pdf, name="document.pdf", **fields):
        within = fields.pop("within", 120)
        file = service.upload(pdf, name, **fields)
        ids.append(file["id"])
        return service.wait_file(file["id"], within=within)

    yield run
    for file_id in ids:
        service.http.delete(f"/v1/files/{file_id}")


def is_failed(file, *words):
    assert file["state"] == "failed" and file["status"] == "error", file
    assert any(word in file["status_details"].lower() for word in words), file


def statuses(service, file):
    return [line["status"] for line in service.ledger(file["id"])]


def words_of(service, file, page=1):
    return [text for text, _ in drawn_words(service.page(file["id"], page))]


def squeezed(service, file, page=1):
    return " ".join(service.page(file["id"], page)["text"].split())


# -- files that can't be read -----------------------------------------------------------------------

def test_empty_file(service):
    answer = service.http.post("/v1/files", files={"file": ("empty.pdf", b"", "application/pdf")},
                               data={"purpose": "assistants"})
    is_error(answer, 400, "file_empty")


@pytest.mark.parametrize("content", [
    b"these are only notes\n" * 100, b"\0" * 5000, b"%", bytes(range(256)) * 40,
    b"PK\x03\x04" + b"zip" * 1000, b"\x89PNG\r\n\x1a\n" + b"png" * 1000, b"<html><body>no</body>",
], ids=["text", "zeros", "one-byte", "all-bytes", "zip", "png", "html"])
def test_not_a_pdf(finish, content):
    is_failed(finish(content, "notes.pdf"), "pdf")


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.7\n" + b"garbage " * 500 + b"\n%%EOF\n"])
def test_only_the_header_of_a_pdf(finish, content):
    is_failed(finish(content), "damaged", "no pages", "not a pdf")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_pdf_cut_off(service, finish, facts, part):
    """What is left is read, or the file fails with a reason."""
    file = finish(facts.pdf[:int(len(facts.pdf) * part)])
    if file["state"] == "failed":
        is_failed(file, "damaged")
    else:
        lines = service.ledger(file["id"])
        assert len(lines) == file["pages"] >= 1
        assert all(line["reason"] for line in lines if line["status"] == "failed")


def test_pdf_with_a_damaged_middle(service, finish, facts):
    middle = len(facts.pdf) // 2
    file = finish(facts.pdf[:middle] + b"\xff" * 400 + facts.pdf[middle + 400:])
    assert file["state"] in ("completed", "failed")


def test_pdf_behind_and_before_rubbish(service, finish):
    pdf = pdfs.text_pdf([pdfs.FACTS[0][0]])
    for content in (b"\n\n \xef\xbb\xbf" + pdf, pdf + b"\0" * 3000):
        file = finish(content)
        assert file["state"] == "completed" and "lighthouse" in squeezed(service, file)


def test_one_broken_page_does_not_fail_the_others(service, finish, facts):
    file = finish(pdfs.broken_page(facts.pdf, 3))
    assert file["state"] == "completed"
    found = statuses(service, file)
    assert found[2] in ("empty", "failed", "ocr", "text")
    assert found[:2] + found[3:] == ["text"] * 19
    assert squeezed(service, file, 4) == facts.texts[3]


def test_endless_page_is_timed_out_and_the_others_are_read(new_service):
    service = new_service(settings={"QUIRE_EXTRACTOR_PAGE_MS": 1000,
                                    "QUIRE_EXTRACTOR_OCR_MS": 1000}).start().wait_ready()
    texts, _ = pdfs.fact_pages(40, seed="endless")
    file = service.finish(pdfs.endless_page(pdfs.text_pdf(texts), 7))
    assert file["state"] == "completed", file
    lines = service.ledger(file["id"])
    assert lines[6]["status"] in ("timed_out", "failed") and lines[6]["reason"]
    assert [line["status"] for line in lines[:6] + lines[7:]] == ["text"] * 39
    assert file["pages_failed"] == 1
    wait_until(lambda: service.metrics().get(("quire_children_killed_total", "extractor")), 20,
               "the killed child to be counted")
    service.http.get(f"/v1/files/{file['id']}/pages/7/image")   # drawing it ends as well
    service.wait_ready()


# -- encryption -------------------------------------------------------------------------------------

def test_encrypted_with_empty_password(service, finish, facts):
    file = finish(pdfs.encrypted(facts.pdf, user=""))
    assert file["state"] == "completed" and file["pages"] == 20
    assert squeezed(service, file, 2) == facts.texts[1]
    assert has_ink(picture(service, file["id"], 1), (0, 0, 1000, 400))


def test_encrypted_without_password(finish, facts):
    is_failed(finish(pdfs.encrypted(facts.pdf, user="secret")), "password")


@pytest.mark.parametrize("given", ["secret", "owner", "pässwörd"])
def test_encrypted_with_password(service, finish, facts, given):
    user = given if given != "owner" else "secret"
    file = finish(pdfs.encrypted(facts.pdf, user=user), password=given)
    assert file["state"] == "completed", file
    assert squeezed(service, file, 2) == facts.texts[1]
    assert has_ink(picture(service, file["id"], 1), (0, 0, 1000, 400))


def test_encrypted_with_wrong_password(finish, facts):
    is_failed(finish(pdfs.encrypted(facts.pdf, user="secret"), password="guess"), "password")


def test_a_password_is_nowhere_to_be_read(service, finish, facts):
    file = finish(pdfs.encrypted(facts.pdf, user="xyzzy-secret"), password="xyzzy-secret")
    assert file["state"] == "completed"
    assert "xyzzy" not in service.http.get(f"/v1/files/{file['id']}").text
    for log in service.folder.glob("*.log"):
        assert "xyzzy" not in log.read_text(errors="replace"), log


def test_password_for_an_open_file_does_no_harm(service, finish):
    file = finish(pdfs.text_pdf([pdfs.FACTS[0][0]]), password="needless")
    assert file["state"] == "completed"


# -- size -------------------------------------------------------------------------------------------

def test_1600_pages(service, store):
    texts = [f"Leaf {page} of the long book. {pdfs.filler(page, 20)}" for page in range(1, 1601)]
    for index, page in enumerate((1, 800, 1600)):
        texts[page - 1] += " " + pdfs.FACTS[index][0]
    file = service.upload(pdfs.text_pdf(texts), "long.pdf")
    service.attach(store, file["id"])
    file = service.wait_file(file["id"], within=280)
    assert (file["state"], file["pages"], file["pages_done"]) == ("completed", 1600, 1600), file
    lines = service.ledger(file["id"])
    assert [line["page"] for line in lines] == list(range(1, 1601))
    assert {line["status"] for line in lines} == {"text"}
    for index, page in enumerate((1, 800, 1600)):
        best = service.search(store, pdfs.FACTS[index][1], max_num_results=1)[0]
        assert best["page"] == page
    service.http.delete(f"/v1/files/{file['id']}")


def test_pages_of_200_inches(service, finish):
    book = pdfs.Book(size=(14400, 14400))
    for x, y, word in ((100, 400, "Northwest"), (11000, 400, "Northeast"),
                       (100, 14000, "Southwest"), (11000, 14000, "Southeast")):
        book.line(x, y, word, size=300)
    file = finish(book.pdf())
    page = service.page(file["id"], 1)
    assert (page["width"], page["height"]) == pytest.approx((14400, 14400))
    found = dict(drawn_words(page))
    for word in book.words[0]:
        assert found[word.text][0] == pytest.approx(word.box[0], abs=30)
        assert found[word.text][2] == pytest.approx(word.box[2], abs=30)
    drawn = picture(service, file["id"], 1, width=800)
    assert drawn.size == (800, 800) and has_ink(drawn, (0, 700, 200, 800))
    assert picture(service, file["id"], 1, width=4000).size == (4000, 4000)


def test_pages_of_one_point(service, finish):
    book = pdfs.Book(size=(1, 1))
    book.line(0, 1, "tiny", size=1)
    file = finish(book.pdf())
    assert file["state"] == "completed"
    assert picture(service, file["id"], 1, width=100).width == 100


def test_long_and_narrow_page(service, finish):
    """A picture as wide as asked would be of a size that no one can hold."""
    book = pdfs.Book(size=(20, 14400))
    book.line(2, 100, "strip", size=6)
    file = finish(book.pdf())
    answer = service.http.get(f"/v1/files/{file['id']}/pages/1/image", params={"width": 4000})
    if answer.status_code != 200:
        is_error(answer, answer.status_code)
        assert answer.status_code in (400, 422)


# -- text and no text -------------------------------------------------------------------------------

@pytest.mark.parametrize("pdf", [pdfs.blank(3), pdfs.drawing_only()], ids=["blank", "drawing"])
def test_no_text_at_all(service, finish, pdf):
    file = finish(pdf)
    assert file["state"] == "completed" and file["chunks"] == 0, file
    assert set(statuses(service, file)) == {"empty"}
    page = service.page(file["id"], 1)
    assert page["text"] == "" and page["words"] == [] and page["chunks"] == []


SCANNED = ["The harbour master keeps the brass key", "in the second drawer of the map table",
           "and shows it to visitors on Sundays"]


def test_scan_is_read_by_ocr(service, finish, store):
    file = finish(pdfs.scan(SCANNED))
    assert statuses(service, file) == ["ocr"]
    found = words_of(service, file)
    expected = " ".join(SCANNED).split()
    assert sum(word in found for word in expected) >= 0.9 * len(expected), found
    service.attach(store, file["id"])
    best = service.search(store, "who has the brass key?")[0]
    assert best["file_id"] == file["id"] and "brass" in best["content"][0]["text"]


def test_words_of_a_scan_are_marked_where_they_are(service, finish):
    file = finish(pdfs.scan(SCANNED))
    page = service.page(file["id"], 1)
    plain = picture(service, file["id"], 1)
    scale = 1000 / page["width"]
    for word in [word for word in page["words"] if word["end"] - word["start"] >= 5][:4]:
        marked = picture(service, file["id"], 1, highlight=f"{word['start']}-{word['end']}")
        assert has_ink(plain, is_marked_there_only(plain, marked, word["box"], scale))


def test_text_and_scan_on_one_page(service, finish):
    file = finish(pdfs.scan(SCANNED, digital=["Received on Tuesday by the archive"]))
    text = squeezed(service, file)
    assert "Received on Tuesday by the archive" in text
    assert "harbour master" in text and statuses(service, file) == ["ocr"]


def test_ocr_can_be_turned_off(new_service):
    service = new_service(settings={"QUIRE_EXTRACTOR_OCR": "off"}).start().wait_ready()
    file = service.finish(pdfs.scan(SCANNED))
    assert file["state"] == "completed" and statuses(service, file) == ["empty"]


# -- turned -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_rotated_pages(service, finish, angle):
    book = pdfs.text_book([pdfs.FACTS[0][0] + " " + pdfs.filler("rotated", 30)])
    file = finish(pdfs.rotate_pages(book.pdf(), angle))
    page = service.page(file["id"], 1)
    width, height = pdfs.A4 if angle % 180 == 0 else pdfs.A4[::-1]
    assert (page["width"], page["height"]) == pytest.approx((width, height), abs=1)
    expected = book.words[0]
    found = drawn_words(page)
    assert [text for text, _ in found] == [word.text for word in expected]
    plain = picture(service, file["id"], 1)
    for number in (0, 5, len(expected) - 1):
        box = found[number][1]
        drawn = pdfs.shown_box(expected[number].box, pdfs.A4, angle)
        assert box[0] <= drawn[0] + TOLERANCE and box[1] <= drawn[1] + TOLERANCE + 3
        assert box[2] >= drawn[2] - TOLERANCE - 3 and box[3] >= drawn[3] - TOLERANCE
        assert (box[2] - box[0]) * (box[3] - box[1]) < 3 * (
            (drawn[2] - drawn[0]) * (drawn[3] - drawn[1])) + 60
        word = page["words"][number]
        marked = picture(service, file["id"], 1, highlight=f"{word['start']}-{word['end']}")
        assert has_ink(plain, is_marked_there_only(plain, marked, box, 1000 / page["width"]))


@pytest.mark.parametrize("angle", [90, 180, 270, 30])
def test_rotated_text(service, finish, angle):
    pdf, places = pdfs.rotated_text([(0, "horizon"), (angle, "vertical")])
    file = finish(pdf)
    page = service.page(file["id"], 1)
    found = dict(drawn_words(page))
    assert set(found) == {"horizon", "vertical"}
    for word, (x, y) in zip(("horizon", "vertical"), places):   # the start of each baseline
        box = found[word]
        assert box[0] - 8 <= x <= box[2] + 8 and box[1] - 8 <= y <= box[3] + 8
    quad = next(word["quad"] for word in page["words"]
                if page["text"][word["start"]:word["end"]] == "vertical")
    along = (quad[2] - quad[0], quad[3] - quad[1])   # from the word's upper left to upper right
    if angle == 90:
        assert abs(along[0]) < 3 and along[1] < -30
    elif angle == 270:
        assert abs(along[0]) < 3 and along[1] > 30
    elif angle == 180:
        assert along[0] < -30 and abs(along[1]) < 3
    else:
        assert along[0] > 20 and along[1] < -10


# -- scripts ----------------------------------------------------------------------------------------

def test_right_to_left(service, finish, store):
    """Drawn in visual order, read in the order of the language."""
    expected = "הספר הירוק נמצא"
    file = finish(pdfs.glyph_pdf([(60, 100, 14, list(expected[::-1]))]))
    page = service.page(file["id"], 1)
    assert " ".join(page["text"].split()) == expected
    words = drawn_words(page)
    assert [text for text, _ in words] == expected.split()
    assert words[0][1][0] > words[1][1][2] > words[2][1][2]   # the first word is the rightmost


def test_chinese(service, finish, store):
    file = finish(pdfs.chinese(["图书馆的灯塔建于一八七四年", "每年春天需要润滑油"]))
    assert file["state"] == "completed" and file["chunks"] >= 1
    text = service.page(file["id"], 1)["text"]
    assert "灯塔建于一八七四年" in text and "润滑油" in text
    service.attach(store, file["id"])
    assert service.search(store, "灯塔")[0]["file_id"] == file["id"]


def test_japanese_korean_arabic_greek_and_more(service, finish):
    lines = ["東京タワー", "한국어", "Ελληνικά", "русский", "ไทย", "हिन्दी", "ናይ"]
    file = finish(pdfs.glyph_pdf([(60, 100 + 30 * n, 14, list(line))
                                  for n, line in enumerate(lines)]))
    text = service.page(file["id"], 1)["text"]
    for line in lines:
        assert line in text


def test_characters_outside_the_basic_plane(service, finish):
    file = finish(pdfs.glyph_pdf([(60, 100, 14, list("a\U0001F600b \U00020000\U0001D11E"))]))
    page = service.page(file["id"], 1)
    assert "a\U0001F600b" in page["text"]
    assert all(0 <= word["start"] < word["end"] <= len(page["text"]) for word in page["words"])


def test_ligatures_are_opened(service, finish, store):
    file = finish(pdfs.glyph_pdf([
        (60, 100, 14, ["o", "ffi", "c", "e", " ", "o", "\ufb03", "c", "e", "r", "s", " ",
                       "\ufb01", "n", "d"])]))
    assert squeezed(service, file) == "office officers find"
    assert words_of(service, file) == ["office", "officers", "find"]
    service.attach(store, file["id"])
    assert service.search(store, "officers", ranking_options={"ranker": "lexical"})


def test_text_is_composed(service, finish):
    file = finish(pdfs.glyph_pdf([(60, 100, 14, list("cafe\u0301") + [" "] + list("na\u00efve"))]))
    assert squeezed(service, file) == "caf\u00e9 na\u00efve"


@pytest.mark.parametrize("hyphen", ["-", "\u00ad", "\u2010"])
def test_words_parted_at_a_line_end_are_joined(service, finish, store, hyphen):
    file = finish(pdfs.glyph_pdf([
        (60, 100, 12, list("The marine infor" + hyphen)), (60, 116, 12, list("mation was useful."))]))
    assert squeezed(service, file) == "The marine information was useful."
    page = service.page(file["id"], 1)
    parts = [word for word in page["words"]
             if page["text"][word["start"]:word["end"]] in ("information", "infor", "mation")]
    assert parts, drawn_words(page)
    service.attach(store, file["id"])
    assert service.search(store, "information", ranking_options={"ranker": "lexical"})


# -- layout -----------------------------------------------------------------------------------------

def test_two_columns_are_read_one_after_the_other(service, finish):
    left, right = pdfs.filler("left", 120), pdfs.filler("right", 120)
    file = finish(pdfs.two_columns(left, right).pdf())
    assert squeezed(service, file) == f"{left} {right}"


def test_table(service, finish, store):
    rows = [("Region", "Revenue", "Profit"), ("North", "1,204", "310"), ("South", "987", "45"),
            ("East", "2,410", "777")]
    book = pdfs.table(rows)
    file = finish(book.pdf())
    found = dict(drawn_words(service.page(file["id"], 1)))
    for word in book.words[0]:
        assert word.text in found, found
    for cell in ("Region", "987", "777"):
        expected = next(word.box for word in book.words[0] if word.text == cell)
        assert found[cell][0] == pytest.approx(expected[0], abs=TOLERANCE)
    service.attach(store, file["id"])
    assert service.search(store, "profit of the South region")[0]["page"] == 1


# -- names ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [
    "Jahresbericht für Öl & Gas.pdf", "報告書.pdf", "تقرير.pdf", "דוח.pdf", "отчёт.pdf", "🐧.pdf",
    "a b  c.pdf", "no extension", ".pdf", "-rf.pdf", "quote\"'s.pdf", "semi;colon.pdf",
    "per cent%.pdf",
])
def test_names_in_any_script(service, finish, name):
    file = finish(pdfs.text_pdf(["A short page."]), name)
    assert file["state"] == "completed" and file["filename"] == name


@pytest.mark.parametrize("letter", ["x", "é", "報", "🐧"])
def test_name_of_300_characters(service, finish, letter):
    """Cut between characters, with its extension kept."""
    file = finish(pdfs.text_pdf(["A short page."]), letter * 296 + ".pdf")
    kept, extension = file["filename"].rsplit(".", 1)
    assert extension == "pdf" and set(kept) == {letter}
    assert 200 < len(file["filename"].encode()) <= 255


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/cron.d/x.pdf", "a/b/c.pdf", "..\\..\\x.pdf",
                                  "C:\\Users\\x.pdf", "..", "/", "a/"])
def test_names_with_slashes_stay_names(service, finish, name):
    before = {path for path in service.data.parent.iterdir()}
    file = finish(pdfs.text_pdf(["A short page."]), name)
    assert file["state"] == "completed"
    assert file["filename"] and not set(file["filename"]) & set("/\\"), file
    assert {path for path in service.data.parent.iterdir()} == before
    stored = [path.name for path in (service.data / "files").rglob("*") if path.is_file()]
    assert all(len(name) == 64 for name in stored), stored


# -- the same file twice ----------------------------------------------------------------------------

def test_the_same_file_twice(service, facts, store):
    pdf = pdfs.text_pdf([pdfs.FACTS[4][0]])
    first, second = (service.add(pdf, f"{n}.pdf", store) for n in (1, 2))
    assert first != second
    found = {result["file_id"] for result in service.search(store, pdfs.FACTS[4][1])}
    assert found == {first, second}
    service.http.delete(f"/v1/files/{first}")
    assert service.http.get(f"/v1/files/{second}/content").content == pdf
    assert {result["file_id"] for result in service.search(store, pdfs.FACTS[4][1])} == {second}
    assert has_ink(picture(service, second, 1), (0, 0, 1000, 400))
    service.http.delete(f"/v1/files/{second}")


def test_the_same_file_at_once(service):
    texts, _ = pdfs.fact_pages(6, seed="at once")
    pdf = pdfs.text_pdf(texts)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(service.upload(pdf)))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [answer["id"] for answer in answers]
    assert len(set(ids)) == 8 and len({answer["sha256"] for answer in answers}) == 1
    for file_id in ids:
        assert service.wait_file(file_id)["state"] == "completed"
    for file_id in ids[:-1]:
        assert service.http.delete(f"/v1/files/{file_id}").status_code == 200
    assert service.http.get(f"/v1/files/{ids[-1]}/content").content == pdf
    service.http.delete(f"/v1/files/{ids[-1]}")
    stored = service.data / "files" / answers[0]["sha256"]
    wait_until(lambda: not stored.exists(), 20, "the bytes of the last of them to be removed")

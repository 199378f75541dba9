"""The web page as its users meet it, in Chromium on a real service."""

import base64
import re

import pdfs
import pytest
from playwright.sync_api import expect
from service import wait_until

LIGHTHOUSE, LIGHTHOUSE_QUESTION = pdfs.FACTS[0]
PUMP, PUMP_QUESTION = pdfs.FACTS[1]

WAIT_S = 60

DROP = """({files, last}) => {
    const transfer = new DataTransfer();
    for (const {name, data} of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, {type: "application/pdf"}));
    }
    for (const type of last === "drop" ? ["dragenter", "dragover", "drop"] : ["dragenter", last])
        document.body.dispatchEvent(
            new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: transfer}));
}"""

# The picture's pixels that are marked: light, and of much less blue than red and green.
MARKED_PIXELS = """async (image) => {
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
    let marked = 0;
    for (let at = 0; at < data.length; at += 4)
        marked += data[at] > 180 && data[at + 1] > 160 && data[at + 2] < data[at] - 40;
    return marked;
}"""


def fact_book(fact, pages=3, seed=1):
    """Some pages of nothing, the fact on the second."""
    texts = [pdfs.filler(f"{seed}-{page}", 80) for page in range(pages)]
    texts[1] += " " + fact
    return pdfs.text_pdf(texts)


def drop(page, files, last="drop"):
    """Drops files on the page: {name: bytes}."""
    page.evaluate(DROP, {"last": last, "files": [
        {"name": name, "data": base64.b64encode(data).decode()} for name, data in files.items()]})


def ask(page, question):
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def row(page, name):
    return page.locator("#files .file").filter(has=page.locator(".file-name", has_text=name))


def wait_completed(page, name):
    expect(row(page, name)).to_have_attribute("data-state", "completed")


def passages(page):
    return page.locator(".passage")


@pytest.fixture
def two_files(shelf):
    """Two files that are searchable, each with its fact."""
    for name, fact in (("harbour.pdf", LIGHTHOUSE), ("pumps.pdf", PUMP)):
        shelf.add(fact_book(fact, seed=name), name, "default")
    return shelf


# -- files --------------------------------------------------------------------------------------

def test_empty_shelf_says_what_to_do(shelf, open_page):
    page = open_page(shelf.url)
    expect(page.locator("#welcome")).to_contain_text("Drop PDFs anywhere on this page")
    expect(page.get_by_role("button", name="Choose PDFs")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_hidden()


def test_files_are_shown_when_no_progress_comes_through(two_files, open_page):
    page = open_page(two_files.url)
    page.route("**/v1/events", lambda route: None)   # as a proxy does that holds streams back
    page.reload()
    expect(row(page, "harbour.pdf")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_visible()


def test_drop_read_ask_and_see_the_marked_page(shelf, open_page):
    page = open_page(shelf.url)
    expect(page.locator("#welcome")).to_be_visible()
    drop(page, {"harbour.pdf": fact_book(LIGHTHOUSE)})
    wait_completed(page, "harbour.pdf")
    expect(row(page, "harbour.pdf").locator(".file-state")).to_have_text("3 pages")

    ask(page, LIGHTHOUSE_QUESTION)
    first = passages(page).first
    expect(first.locator(".passage-name")).to_have_text("harbour.pdf")
    expect(first.locator(".passage-page")).to_have_text("page 2")
    expect(first.locator("[data-part=score]")).to_have_text(re.compile(r"^\d\.\d\d$"))
    assert {"lighthouse", "Varnholm"} <= set(first.locator("mark").all_inner_texts())
    for picture in (first.locator(".thumb img"), page.locator("#preview img")):
        expect(picture).to_be_visible()
        assert picture.evaluate(MARKED_PIXELS) > 50


def test_veil_shows_while_files_are_dragged(shelf, open_page):
    page = open_page(shelf.url)
    drop(page, {"a.pdf": b"x"}, last="dragover")
    expect(page.locator("#drop")).to_be_visible()
    drop(page, {"a.pdf": b"x"}, last="dragleave")
    drop(page, {"a.pdf": b"x"}, last="dragleave")
    assert page.locator("#uploads .file").count() == 0


def test_several_files_by_the_chooser(shelf, open_page, tmp_path):
    names = [f"part {number}.pdf" for number in range(5)]
    for name in names:
        (tmp_path / name).write_bytes(fact_book(PUMP, seed=name))
    page = open_page(shelf.url)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose PDFs").click()
    chooser.value.set_files([tmp_path / name for name in names])
    for name in names:
        wait_completed(page, name)
    expect(page.locator("#shelf-summary")).to_have_text("5 files")
    assert len(shelf.http.get("/v1/vector_stores/default/files").json()["data"]) == 5


def test_another_page_sees_what_is_added_and_deleted(shelf, open_page):
    first, second = open_page(shelf.url), open_page(shelf.url)
    expect(second.locator("#welcome")).to_be_visible()
    drop(first, {"shared.pdf": fact_book(PUMP)})
    wait_completed(second, "shared.pdf")
    row(first, "shared.pdf").locator("button.file-name").click()
    row(first, "shared.pdf").get_by_role("button", name="Delete").click()
    row(first, "shared.pdf").get_by_role("button", name="Delete").click()
    expect(second.locator("#welcome")).to_be_visible()


def test_ledger_tells_which_page_failed_and_why(shelf, open_page):
    page = open_page(shelf.url)
    drop(page, {"torn.pdf": pdfs.broken_page(fact_book(LIGHTHOUSE), 3)})
    wait_completed(page, "torn.pdf")
    row(page, "torn.pdf").locator("button.file-name").click()
    ledger = row(page, "torn.pdf").locator(".ledger")
    expect(ledger.locator(".square")).to_have_count(3)
    lines = shelf.ledger(shelf.http.get("/v1/files").json()["data"][0]["id"])
    for line in lines:
        expect(ledger.locator(".square").nth(line["page"] - 1)).to_have_class(f"square {line['status']}")
        if line["status"] == "failed":
            expect(ledger.locator(".reasons")).to_contain_text(f"Page {line['page']} {line['reason']}")


def test_what_is_no_pdf_says_so(shelf, open_page):
    page = open_page(shelf.url)
    drop(page, {"notes.pdf": b"these are notes", "empty.pdf": b""})
    expect(row(page, "notes.pdf")).to_have_attribute("data-state", "failed")
    expect(row(page, "notes.pdf").locator("[data-part=reason]")).to_have_text(re.compile("not a PDF"))
    upload = page.locator("#uploads .file")
    expect(upload).to_contain_text("The file is empty")
    upload.get_by_role("button", name="Dismiss").click()
    expect(upload).to_have_count(0)


def test_encrypted_file_asks_for_its_password(shelf, open_page):
    page = open_page(shelf.url)
    drop(page, {"locked.pdf": pdfs.encrypted(fact_book(LIGHTHOUSE), "tide")})
    reason = row(page, "locked.pdf").locator("[data-part=reason]")
    expect(reason).to_have_text(re.compile("needs a password"))
    for password in ("ebb", "tide"):
        row(page, "locked.pdf").get_by_label("Password").fill(password)
        row(page, "locked.pdf").get_by_role("button", name="Unlock").click()
        if password == "ebb":
            expect(reason).to_have_text(re.compile("does not open"))
    wait_completed(page, "locked.pdf")
    assert len(shelf.http.get("/v1/files").json()["data"]) == 1


def locked_file(page):
    """Drops a file that needs the password `tide`, and waits until the page says so. Returns its row."""
    drop(page, {"locked.pdf": pdfs.encrypted(fact_book(LIGHTHOUSE), "tide")})
    locked = row(page, "locked.pdf")
    expect(locked.locator("[data-part=reason]")).to_have_text(re.compile("needs a password"))
    return locked


def unlock(locked, password="tide"):
    locked.get_by_label("Password").fill(password)
    locked.get_by_role("button", name="Unlock").click()


@pytest.mark.parametrize("held", ["the answer to attaching the new one", "the deletion of the old one"])
def test_unlocked_file_takes_the_place_of_the_locked_one(shelf, open_page, held):
    """In one step, whatever the page hears first: there is never a second row."""
    page = open_page(shelf.url)
    locked = locked_file(page)
    locked.evaluate("(row) => { row.isTheFirst = true; }")
    release = []

    def hold_attaching(route):
        answer = route.fetch()
        release.append(lambda: route.fulfill(response=answer))

    def hold_deletion(route):
        if route.request.method != "DELETE":
            return route.fallback()
        release.append(route.continue_)

    if held.startswith("the answer"):
        page.route("**/v1/vector_stores/default/files", hold_attaching)
    else:
        page.route("**/v1/files/*", hold_deletion)
    unlock(locked)
    wait_completed(page, "locked.pdf")
    assert len(shelf.http.get("/v1/files").json()["data"]) == 2
    assert len(release) == 1
    release[0]()
    wait_until(lambda: len(shelf.http.get("/v1/files").json()["data"]) == 1, WAIT_S, "the old file to go")
    expect(page.locator("#uploads .file")).to_have_count(0)
    wait_completed(page, "locked.pdf")
    assert locked.evaluate("(row) => row.isTheFirst")
    expect(locked.locator("[data-part=unlock]")).to_be_hidden()
    assert locked.get_attribute("data-file") == shelf.http.get("/v1/files").json()["data"][0]["id"]


def test_locked_file_stays_when_its_second_upload_fails(shelf, open_page):
    page = open_page(shelf.url)
    locked = locked_file(page)
    page.route("**/v1/files", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    unlock(locked)
    upload = page.locator("#uploads .file")
    expect(upload).to_contain_text("The upload broke off")
    expect(locked.locator("[data-part=unlock]")).to_be_visible()
    page.unroute("**/v1/files")
    upload.get_by_role("button", name="Try again").click()
    expect(upload).to_have_count(0)
    wait_completed(page, "locked.pdf")


def test_locked_file_that_can_not_be_deleted_is_shown_again(shelf, open_page):
    page = open_page(shelf.url)
    locked = locked_file(page)
    page.route("**/v1/files/*",
               lambda route: route.abort() if route.request.method == "DELETE" else route.fallback())
    unlock(locked)
    expect(locked).to_have_count(2)
    expect(locked.locator("[data-part=unlock]").first).to_be_visible()
    expect(locked.nth(1)).to_have_attribute("data-state", "completed")
    assert len(shelf.http.get("/v1/files").json()["data"]) == 2


def test_delete_asks_first_and_takes_the_passages_along(two_files, open_page):
    page = open_page(two_files.url)
    harbour = row(page, "harbour.pdf")
    harbour.locator("button.file-name").click()
    harbour.get_by_role("button", name="Delete").click()
    expect(harbour.get_by_role("button", name="Keep")).to_be_focused()
    harbour.get_by_role("button", name="Keep").click()
    expect(harbour.get_by_role("button", name="Delete")).to_be_focused()
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_contain_text("harbour.pdf")
    harbour.get_by_role("button", name="Delete").click()
    harbour.get_by_role("button", name="Delete").click()
    expect(harbour).to_have_count(0)
    expect(row(page, "pumps.pdf").locator("button.file-name")).to_be_focused()
    expect(passages(page).filter(has_text="harbour.pdf")).to_have_count(0)


@pytest.mark.parametrize("name", [
    "<img src=x onerror='window.hurt = 1'>.pdf",
    "<svg onload=window.hurt=1><script>window.hurt = 1.pdf",
    "{{7*7}} ${window.hurt=1} &lt;b&gt; %41.pdf",
    "תקציב שנתי – דוח סופי 2023.pdf",
    "年次報告書（最終版）.pdf",
    "long " * 59 + ".pdf",
], ids=["image", "script", "templates", "hebrew", "japanese", "300 characters"])
def test_names_are_shown_as_they_are(shelf, open_page, name):
    page = open_page(shelf.url, width=360, height=740)
    drop(page, {name: fact_book(LIGHTHOUSE)})
    expect(page.locator("#files .file")).to_have_attribute("data-state", "completed")
    stored = shelf.http.get("/v1/files").json()["data"][0]["filename"]
    assert stored == name or len(name) > 255
    ask(page, LIGHTHOUSE_QUESTION)
    expect(page.locator("#files .file-name")).to_have_text(stored)
    expect(passages(page).first.locator(".passage-name")).to_have_text(stored)
    passages(page).first.locator(".thumb").click()
    expect(page.locator("#viewer-title")).to_have_text(stored)
    assert page.evaluate("window.hurt") is None
    assert page.evaluate("document.documentElement.scrollWidth") == 360


# -- questions ----------------------------------------------------------------------------------

def test_reload_and_back_keep_the_question(two_files, open_page):
    page = open_page(two_files.url)
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_contain_text("Varnholm")
    ask(page, PUMP_QUESTION)
    expect(passages(page).first).to_contain_text("grease")
    page.reload()
    expect(page.get_by_label("Your question")).to_have_value(PUMP_QUESTION)
    expect(passages(page).first).to_contain_text("grease")
    page.go_back()
    expect(page.get_by_label("Your question")).to_have_value(LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_contain_text("Varnholm")


def test_search_in_chosen_files_only(two_files, open_page):
    page = open_page(two_files.url)
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_contain_text("harbour.pdf")
    page.get_by_label("Search in pumps.pdf").check()
    expect(page.locator("#scope")).to_contain_text("pumps.pdf")
    expect(passages(page).filter(has_text="harbour.pdf")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Search in pumps.pdf")).to_be_checked()
    expect(page.locator("#passages")).to_have_attribute("aria-busy", "false")
    expect(passages(page).filter(has_text="harbour.pdf")).to_have_count(0)
    page.get_by_role("button", name="Search all files").click()
    expect(passages(page).first).to_contain_text("harbour.pdf")


def test_what_is_not_indexed_yet_is_found_by_its_words(new_service, open_page):
    service = new_service().start().wait_ready()
    page = open_page(service.url)
    service.processes["embedder"].kill()
    drop(page, {"harbour.pdf": fact_book(LIGHTHOUSE)})
    expect(row(page, "harbour.pdf")).to_have_attribute("data-state", "indexing")
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_contain_text("Varnholm")
    expect(page.locator("#indexing")).to_have_text(re.compile(r"Still indexing: 0 of \d passages"))
    service.restart_dead()
    wait_completed(page, "harbour.pdf")
    expect(page.locator("#indexing")).to_be_hidden()
    expect(passages(page).first).to_contain_text("Varnholm")


def test_errors_are_told_in_the_apis_words(two_files, open_page):
    page = open_page(two_files.url)
    question = "why? " * 220_000
    answer = two_files.http.post("/v1/vector_stores/default/search", json={"query": question})
    assert answer.status_code >= 400
    ask(page, question)
    expect(page.locator("#answers-state")).to_have_text(answer.json()["error"]["message"])
    ask(page, "lighthouse")
    expect(passages(page).first).to_contain_text("Varnholm")


def test_viewer_by_keyboard(two_files, open_page):
    page = open_page(two_files.url)
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).nth(1)).to_be_visible()
    passages(page).first.locator(".thumb").click()
    viewer, number, picture = page.locator("#viewer"), page.get_by_label("Page", exact=True), page.locator("#viewer img")
    expect(number).to_have_value("2")
    assert picture.evaluate(MARKED_PIXELS) > 100
    page.keyboard.press("ArrowRight")
    expect(number).to_have_value("3")
    assert picture.evaluate(MARKED_PIXELS) == 0
    page.keyboard.press("ArrowRight")
    expect(number).to_have_value("3")
    page.keyboard.press("ArrowLeft")
    assert picture.evaluate(MARKED_PIXELS) > 100
    page.keyboard.press("n")
    expect(page.locator("#viewer [data-part=rank]")).to_contain_text("Passage 2")
    page.keyboard.press("p")
    expect(page.locator("#viewer [data-part=rank]")).to_contain_text("Passage 1")
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Larger")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()


def test_on_a_phone_a_passage_opens_its_page(two_files, open_page):
    page = open_page(two_files.url, width=360, height=740)
    ask(page, LIGHTHOUSE_QUESTION)
    passages(page).first.locator(".passage-name").click()
    assert page.locator("#viewer img").evaluate(MARKED_PIXELS) > 50
    page.get_by_role("button", name="Larger").click()
    expect(page.locator("#viewer img")).to_have_css("width", "900px")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#viewer")).to_be_hidden()


def test_copied_citation_names_file_and_page(two_files, open_page):
    page = open_page(two_files.url, permissions=["clipboard-read", "clipboard-write"])
    ask(page, LIGHTHOUSE_QUESTION)
    passages(page).first.get_by_role("button", name="Copy citation").click()
    expect(passages(page).first.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert LIGHTHOUSE in copied
    assert copied.endswith("(harbour.pdf, page 2)")


# -- the page itself ----------------------------------------------------------------------------

def test_a_lost_connection_comes_back(new_service, open_page):
    service = new_service().start().wait_ready()
    page = open_page(service.url)
    drop(page, {"harbour.pdf": fact_book(LIGHTHOUSE)})
    wait_completed(page, "harbour.pdf")
    service.processes["gateway"].kill()
    expect(page.locator("#connection")).to_have_text(re.compile("Connection lost"))
    service.restart_dead()
    expect(page.locator("#connection")).to_be_hidden()
    drop(page, {"pumps.pdf": fact_book(PUMP)})
    wait_completed(page, "pumps.pdf")


def test_every_module_is_loaded_at_once(shelf, open_page):
    """Each module is named in the page itself, so that none waits for another to name it."""
    page = open_page(shelf.url)
    expect(page.locator("#welcome")).to_be_visible()
    named, loaded = page.evaluate("""() => [
        [...document.querySelectorAll("[rel=modulepreload], script")].map((e) => e.href ?? e.src),
        performance.getEntriesByType("resource").map((entry) => entry.name)]""")
    assert {name for name in loaded if name.endswith(".js")} == set(named)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 700, 1000, 1900])
def test_fits_every_screen(two_files, open_page, width, scheme):
    page = open_page(two_files.url, width=width, color_scheme=scheme)
    expect(row(page, "harbour.pdf")).to_be_visible()
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_be_visible()
    expect(page.locator("#preview")).to_be_visible(visible=width >= 820)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def assert_all_named(page):
    """All that can be pressed or filled in can be called by a name."""
    for role in ("button", "checkbox", "textbox", "searchbox", "link"):
        nameless = page.get_by_role(role, name=re.compile(r"^\s*$"))
        assert nameless.evaluate_all("(all) => all.map((one) => one.outerHTML)") == []


@pytest.mark.parametrize("width", [360, 1400])
def test_everything_to_press_has_a_name(two_files, open_page, width):
    page = open_page(two_files.url, width=width)
    row(page, "harbour.pdf").locator("button.file-name").click()
    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first).to_be_visible()
    assert_all_named(page)
    passages(page).first.locator(".thumb").click()
    assert_all_named(page)


EMPHASIS = [
    ("How much grease does a pump need?", "Each pump needs grease.", ["pump", "needs", "grease"]),
    ("membership fees", "Members pay a membership fee.", ["membership", "fee"]),
    ("What is it?", "It is what it is.", ["It", "is", "what", "it", "is"]),
    ("Élan vital", "elan VITAL", ["elan", "VITAL"]),
    ("growth of 18.29", "18.29 and 18", ["18.29"]),
    ("<b>", "a <b> c", ["b"]),
    ("", "nothing", []),
]


@pytest.mark.parametrize("question, text, marked", EMPHASIS)
def test_words_of_the_question_are_emphasised(shelf, open_page, question, text, marked):
    page = open_page(shelf.url)
    found, whole = page.evaluate("""async ([question, text]) => {
        const {emphasised, termsOf} = await import("/words.js");
        const made = emphasised(text, termsOf(question));
        return [[...made.querySelectorAll("mark")].map((mark) => mark.textContent), made.textContent];
    }""", [question, text])
    assert found == marked
    assert whole == text

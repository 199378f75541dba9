"""The web page of a server that wants an API key."""

import re

import pytest
from playwright.sync_api import expect

from test_page import (LIGHTHOUSE, LIGHTHOUSE_QUESTION, MARKED_PIXELS, PUMP, ask, drop, fact_book,
                       passages, row, wait_completed)

KEY = "canary-key-of-the-page"


@pytest.fixture(scope="module")
def locked_service():
    from conftest import _fixtures
    service = _fixtures._new_service(settings={"QUIRE_API_KEYS": KEY})
    service.http.headers["Authorization"] = f"Bearer {KEY}"
    try:
        yield service.start().wait_ready()
    finally:
        service.close()


@pytest.fixture
def locked(locked_service):
    """The service with one file."""
    locked_service.add(fact_book(LIGHTHOUSE), "harbour.pdf", "default")
    yield locked_service
    for file in locked_service.http.get("/v1/files").json()["data"]:
        locked_service.http.delete(f"/v1/files/{file['id']}")


def give(page, key):
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Open").click()


def open_with_key(open_page, service, **options):
    page = open_page(service.url, **options)
    give(page, KEY)
    expect(row(page, "harbour.pdf")).to_be_visible()
    return page


def test_a_key_is_asked_for_until_it_is_right(locked, open_page):
    page = open_page(locked.url)
    dialog = page.get_by_role("dialog", name="This server wants an API key")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("alert")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    give(page, "wrong")
    expect(dialog.get_by_role("alert")).to_contain_text("not one that the server knows")
    expect(page.get_by_label("API key", exact=True)).to_have_value("")
    give(page, KEY)
    expect(dialog).to_be_hidden()
    expect(row(page, "harbour.pdf")).to_be_visible()
    assert locked.metrics()[("quire_http_keys_refused_total", "gateway")] > 0


def test_everything_works_with_a_key(locked, open_page):
    """Upload, the stream of progress, pictures, the large view and the download: all that can't just
    be a link or a picture's address."""
    page = open_with_key(open_page, locked)
    expect(page.locator("#connection")).to_be_hidden()
    drop(page, {"pumps.pdf": fact_book(PUMP, seed=2)})
    wait_completed(page, "pumps.pdf")   # told by the stream

    ask(page, LIGHTHOUSE_QUESTION)
    expect(passages(page).first.locator(".passage-name")).to_have_text("harbour.pdf")
    for picture in (passages(page).first.locator(".thumb img"), page.locator("#preview img")):
        expect(picture).to_have_js_property("complete", True)
        expect(picture).to_have_attribute("src", re.compile("^blob:"))
        assert picture.evaluate(MARKED_PIXELS) > 50
    passages(page).first.locator(".thumb").click()
    expect(page.get_by_label("Page", exact=True)).to_have_value("2")
    picture = page.locator("#viewer img")
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    assert picture.evaluate(MARKED_PIXELS) > 100
    page.keyboard.press("Escape")

    row(page, "harbour.pdf").locator("button.file-name").click()
    with page.expect_download() as download:
        row(page, "harbour.pdf").get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "harbour.pdf"
    assert download.value.path().read_bytes() == fact_book(LIGHTHOUSE)


def test_the_key_is_kept_for_this_tab_alone_and_in_no_address(locked, open_page):
    page = open_with_key(open_page, locked)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(row(page, "harbour.pdf")).to_be_visible()
    expect(page.locator("#key")).to_be_hidden()
    assert asked and not [url for url in asked if KEY in url]
    assert KEY not in page.url and KEY not in page.content()
    assert page.evaluate("[document.cookie, localStorage.length]") == ["", 0]
    other = page.context.new_page()
    other.goto(locked.url)
    expect(other.locator("#key")).to_be_visible()


def test_a_key_that_is_no_longer_good_is_asked_for_anew(locked, open_page):
    page = open_with_key(open_page, locked)
    page.evaluate("sessionStorage.setItem('quire-key', 'of-yesterday')")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("not one that the server knows")
    give(page, KEY)
    expect(row(page, "harbour.pdf")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_question_for_a_key_fits(locked, open_page, width, scheme):
    page = open_page(locked.url, width=width, color_scheme=scheme)
    expect(page.get_by_label("API key", exact=True)).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_no_key_is_asked_for_where_none_is_wanted(shelf, open_page):
    page = open_page(shelf.url)
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#key")).to_be_hidden()

"""Fixtures of the browser tests: Debian's Chromium on the page of a real service.

The service comes from the integration tests. A page fails its test when it asks another host for
anything, when its content security policy is broken, or when a script fails."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

INTEGRATION = Path(__file__).parent.parent / "integration"
sys.path.insert(0, str(INTEGRATION))

from integration_fixtures import fixtures as _fixtures  # noqa: E402  (found by the line above)

CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update",
                  "--disable-sync", "--disable-dev-shm-usage"]
PATIENCE_MS = 60_000   # reading and indexing on a busy machine


shared_service = _fixtures.shared_service
service = _fixtures.service
new_service = _fixtures.new_service
pytest_runtest_makereport = _fixtures.pytest_runtest_makereport

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium():
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.exit("no chromium: scripts/packages test lists it", returncode=2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


class Problems:
    """What a page must not do, as it was seen doing it."""

    def __init__(self, origin):
        self.origin = origin
        self.seen = []
        self.unanswered = []   # requests; told when the test fails

    def watch(self, page):
        page.on("pageerror", lambda error: self.seen.append(f"script: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        page.on("requestfinished", lambda request: self.unanswered.remove(request))
        page.on("dialog", self._dialog)

    def _console(self, message):
        # Chromium logs every answer of 400 and more, also those that the page handles.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.seen.append(f"console: {message.text}")

    def _request(self, request):
        self.unanswered.append(request)
        if not request.url.startswith((self.origin, "blob:", "data:")):
            self.seen.append(f"request: {request.url}")

    def _dialog(self, dialog):
        if dialog.type != "beforeunload":
            self.seen.append(f"dialog: {dialog.message}")
        dialog.accept()


@pytest.fixture
def open_page(chromium):
    """Opens the page of a service: open_page (url, width=…, height=…, …)."""
    contexts, watched = [], []

    def open_one(url, path="/", width=1400, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watched.append(Problems(url))
        watched[-1].watch(page)
        page.goto(url + path)
        return page

    yield open_one
    for problems in watched:
        print(*(f"not answered: {one.method} {one.url} {one.failure or ''}" for one in problems.unanswered), sep="\n")
    for context in contexts:
        context.close()
    assert [problem for problems in watched for problem in problems.seen] == []


@pytest.fixture
def shelf(service):
    """The service with no files, before and after."""
    def clear():
        for file in service.http.get("/v1/files").json()["data"]:
            service.http.delete(f"/v1/files/{file['id']}")

    clear()
    yield service
    clear()

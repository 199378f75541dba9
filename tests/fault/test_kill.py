"""Fault 1: roles are killed at random moments while 200 files are uploaded."""

import pytest

import faults
import kept
import pdfs
from service import wait_until
from test_dispatch import ranges_sent
from uploads import Uploads

FILES = 200
FAULTS = 24
SLOW_LEVELS = 6           # of a page that takes seconds
SLOW_PAGE_MS = 600_000


@pytest.fixture
def broken_run(new_service, corpus, clean_run, chance, counters):
    """Uploads the corpus while the service is killed by a plan, then asserts what must be there."""
    def run(plan):
        documents = corpus(FILES)
        clean = clean_run(documents)
        service = new_service().start().wait_ready()
        seen = counters(service)
        uploads = Uploads(service)
        waves = iter([documents[start::len(plan)] for start in range(len(plan))])
        faults.kill_by_plan(service, plan, chance, lambda: uploads.add(next(waves)))
        uploads.finish()
        kept.wait_finished(service)
        return check(service, uploads, documents, clean, seen)

    return run


def check(service, uploads, documents, clean, seen):
    assert not uploads.wrong, uploads.wrong
    assert sorted(document.name for document in uploads.answered.values()) == sorted(
        document.name for document in documents)
    files = kept.assert_as_clean(service, clean, uploads.answered)
    # What was kept without an answer is at most what was cut off.
    assert len(files) - len(uploads.answered) <= uploads.unanswered
    kept.assert_found(service, documents, files)
    pages = sum(len(file.pages) for file in files.values())
    assert seen.total("pages_committed_total") <= pages
    assert seen.total("pages_failed_total") == 0
    kept.assert_whole(service)
    print(f"files={len(files)} pages={pages} unanswered={uploads.unanswered} refused={uploads.refused}",
          *(f"{name}={seen.total(name + '_total'):.0f}" for name in (
              "tasks_redispatched", "duplicates_ignored", "orphans_dropped", "children_killed")))
    return seen


def test_roles_killed_at_random(broken_run, chance):
    broken_run(faults.kill_plan(chance, FAULTS))


def test_a_page_is_not_failed_for_deaths_that_are_not_its_own(new_service):
    """Twice the gateway ends, and twice an extractor, which had this page alone only once: none of that
    speaks against the page."""
    service = new_service(settings={"QUIRE_TRACE": 1, "QUIRE_EXTRACTOR_PAGE_MS": SLOW_PAGE_MS}
                          ).start().wait_ready()
    pdf = pdfs.slow_pages(pdfs.text_pdf(["A page that takes a while."]), SLOW_LEVELS)
    file_id = service.upload(pdf)["id"]
    for sent, role in enumerate(["gateway", "gateway", "extractor", "extractor"], start=1):
        wait_until(lambda: len(ranges_sent(service, file_id)) >= sent, 60, f"it to be given out the {sent}. time")
        faults.kill(service, {role})
        faults.restart(service, {role})
    file = service.wait_file(file_id)
    assert (file["state"], file["pages_failed"]) == ("completed", 0), file
    kept.assert_whole(service)

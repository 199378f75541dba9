"""What the gateway has no memory for just then is done a little later, though neither it nor the answerer
is started again: tasks of a file that is cut into hundreds of ranges while allocations fail."""

import signal

import pdfs
from service import wait_until
from test_memory import Allocation, failing_malloc   # noqa: F401  (a fixture)

PAGES = 300
FILES = 10             # tried at most, until a task could not be made
EVERY = 23             # so that some of a file's tasks fail, and hardly anything else
PATIENCE_S = 120


def ranges_lost(service, allocation, number):
    """Adds a file and has allocations fail while it is cut into ranges. Returns its id, and whether some of
    its ranges were put off."""
    extractor = service.processes["extractor"]
    extractor.signal(signal.SIGSTOP)
    file_id = service.upload(pdfs.text_pdf([f"Page {page} of {number}." for page in range(PAGES)]))["id"]
    allocation.fail(EVERY)
    extractor.signal(signal.SIGCONT)
    try:
        wait_until(lambda: allocation.failures() >= PAGES // EVERY, PATIENCE_S, "allocations to fail", every=0.001)
    finally:
        allocation.fail(0)
    return file_id, f"what={file_id}" in service.log_text("gateway")


def test_tasks_that_there_is_no_memory_for(new_service, failing_malloc, tmp_path):   # noqa: F811
    allocation = Allocation(tmp_path / "allocation")
    service = new_service(settings={
        "LD_PRELOAD": failing_malloc, "FAULT_ROLE": "quire-gateway", "FAULT_FILE": allocation.path,
        "QUIRE_GATEWAY_RANGE_PAGES": 1}).start().wait_ready()
    started = service.processes["gateway"].pid
    files = []
    for number in range(FILES):
        file_id, some_lost = ranges_lost(service, allocation, number)
        files.append(file_id)
        if some_lost:
            break
    assert some_lost, "no task of any file was lost"
    for file_id in files:
        file = service.wait_file(file_id, within=PATIENCE_S)
        assert (file["state"], file["pages"], file["pages_done"]) == ("completed", PAGES, PAGES), file
    service.assert_dead()
    assert service.processes["gateway"].pid == started

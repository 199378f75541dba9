"""Fault 8: no embedder is there while 5,000 pages are taken in. Memory stays flat, text search works,
and the vectors come when embedders come."""

import threading

import pdfs
from processes import resident_bytes
from service import ROLES, wait_until

FILES, FILE_PAGES = 10, 500
WARM_UP_PAGES = 1500
READ_S, EMBED_S = 300, 300
MOST_GROWTH = 24 << 20     # over the 3,500 pages after the warm-up
EVERY_S = 0.25


class Memory:
    """The most memory that each role had, since `begin`."""

    def __init__(self, service, roles):
        self.service, self.roles = service, roles
        self.most = dict.fromkeys(roles, 0)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.over.wait(EVERY_S):
            for role in self.roles:
                size = resident_bytes(self.service.processes[role].pid)
                self.most[role] = max(self.most[role], size)

    def stop(self):
        self.over.set()
        self.thread.join()
        return self.most


def make_file(number):
    facts = [(f"The harbour master of berth {number} keeps a parrot named Zebulon{number}.", "")]
    texts, places = pdfs.fact_pages(FILE_PAGES, facts, seed=f"backlog-{number}")
    return pdfs.text_pdf([text[:400] + text[-80:] for text in texts]), places[0]


def test_no_embedder_for_five_thousand_pages(new_service):
    service = new_service(roles=[role for role in ROLES if role != "embedder"]).start()
    service.wait_missing("embedder")
    store = service.new_store("backlog")
    files, pages = [], FILES * FILE_PAGES
    for number in range(FILES):
        pdf, place = make_file(number)
        files.append((service.upload(pdf, f"{number}.pdf")["id"], place))
        service.attach(store, files[-1][0])

    def committed():
        return service.metrics().get(("quire_pages_committed_total", "answerer"), 0)

    wait_until(lambda: committed() >= WARM_UP_PAGES, READ_S, "the warm-up", every=0.1)
    roles = ("gateway", "answerer")
    begun = {role: resident_bytes(service.processes[role].pid) for role in roles}
    memory = Memory(service, roles)
    wait_until(lambda: committed() >= pages, READ_S, "all pages to be read", every=0.2)
    wait_until(lambda: all(service.file(file_id)["pages_done"] == FILE_PAGES for file_id, _ in files), 60,
               "the files to know it")

    def found(ranker):
        for number, (file_id, place) in enumerate(files):
            results = service.search(store, f"Zebulon{number}" if ranker == "lexical" else
                                     f"the harbour master of berth {number} keeps a parrot",
                                     ranking_options={"ranker": ranker}, max_num_results=1,
                                     filters={"type": "eq", "key": "file_id", "value": file_id})
            if [result["page"] for result in results] != [place]:
                return False
        return True

    wait_until(lambda: found("lexical"), 60, "every file to be found by its words", every=0.5)
    most = memory.stop()
    for role in roles:
        print(f"{role}: {begun[role] >> 10} kB after {WARM_UP_PAGES} pages, at most {most[role] >> 10} kB"
              f" until {pages}")
        assert most[role] < begun[role] + MOST_GROWTH, role
    assert {service.file(file_id)["state"] for file_id, _ in files} == {"indexing"}
    assert service.metrics()["quire_vectors", "answerer"] == 0

    service.start_role("embedder")
    for file_id, _ in files:
        file = service.wait_file(file_id, within=EMBED_S)
        assert (file["state"], file["pages_failed"]) == ("completed", 0), file
        assert file["vectors"] == file["chunks"] >= FILE_PAGES
    assert found("dense")
    assert service.metrics()["quire_pages_committed_total", "answerer"] == pages

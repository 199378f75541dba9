"""Lists over more than one page, with the paging of the stock client, and in both directions; what a
client that goes by pages sees is all of it, once, in order."""

import pytest

import pdfs
from conftest import is_error

COUNT = 5


@pytest.fixture(scope="module")
def shelf(shared_service):
    """Files in a store of their own, oldest first, put there one by one."""
    service = shared_service

    class Shelf:
        store = service.new_store("pages")
        files = [service.upload(pdfs.text_pdf([f"Page of the file {i}."]), f"{i}.pdf")["id"] for i in range(COUNT)]
        batch = service.openai.vector_stores.file_batches.create_and_poll(store, file_ids=files, poll_interval_ms=100)

    assert Shelf.batch.file_counts.completed == COUNT
    yield Shelf
    service.http.delete(f"/v1/vector_stores/{Shelf.store}")
    for file_id in Shelf.files:
        service.http.delete(f"/v1/files/{file_id}")


@pytest.fixture
def lists(service, shelf):
    """Each list as (call of the stock client, the ids that it has of ours, oldest first)."""
    client = service.openai
    question = [{"role": "user", "content": f"What is {i}?"} for i in range(COUNT)]
    response = client.responses.create(model="any", input=question)
    items = client.responses.input_items.list(response.id, order="asc", limit=100).data
    stores = [service.new_store(f"page {i}") for i in range(COUNT)]
    yield {
        "files": (client.files.list, shelf.files),
        "vector_stores": (client.vector_stores.list, stores),
        "vector_stores.files": (lambda **how: client.vector_stores.files.list(shelf.store, **how), shelf.files),
        "file_batches.list_files": (lambda **how: client.vector_stores.file_batches.list_files(
            shelf.batch.id, vector_store_id=shelf.store, **how), shelf.files),
        "input_items": (lambda **how: client.responses.input_items.list(response.id, **how),
                        [item.id for item in items]),
    }
    for store in stores:
        client.vector_stores.delete(store)


LISTS = ["files", "vector_stores", "vector_stores.files", "file_batches.list_files", "input_items"]


@pytest.mark.parametrize("name", LISTS)
def test_the_client_goes_through_all_pages(lists, name):
    call, ours = lists[name]
    for limit in (1, 2, COUNT):
        for order, wanted in (("asc", ours), ("desc", ours[::-1])):
            seen = [item.id for item in call(limit=limit, order=order)]
            assert len(seen) == len(set(seen)), "each is listed once"
            assert [one for one in seen if one in ours] == wanted, (limit, order)


@pytest.mark.parametrize("name", LISTS)
def test_pages_say_whether_there_are_more(lists, name):
    call, ours = lists[name]
    page, pages = call(limit=2, order="desc"), 0
    while page.has_more:
        assert len(page.data) == 2
        page, pages = page.get_next_page(), pages + 1
    assert pages >= 2 and 1 <= len(page.data) <= 2
    assert not page.has_next_page()


@pytest.mark.parametrize("name", ["vector_stores", "vector_stores.files", "file_batches.list_files"])
def test_pages_go_back(lists, name):
    call, ours = lists[name]
    for order, wanted in (("asc", ours), ("desc", ours[::-1])):
        back = call(limit=2, order=order, before=wanted[3])
        assert [item.id for item in back.data] == wanted[1:3], "those just before, in the list's order"
        again = call(limit=2, order=order, after=back.data[-1].id)
        assert again.data[0].id == wanted[3]


@pytest.mark.parametrize("name", LISTS)
def test_after_what_does_not_exist(service, lists, name, shelf):
    path = {"files": "/v1/files", "vector_stores": "/v1/vector_stores",
            "vector_stores.files": f"/v1/vector_stores/{shelf.store}/files",
            "file_batches.list_files": f"/v1/vector_stores/{shelf.store}/file_batches/{shelf.batch.id}/files"}
    if name == "input_items":
        response = service.openai.responses.create(model="any", input="What?").id
        path[name] = f"/v1/responses/{response}/input_items"
    is_error(service.http.get(path[name], params={"after": "nothing"}), 400, "bad_field", "after")


def test_a_search_is_one_page(service, shelf):
    found = service.openai.vector_stores.search(shelf.store, query="page of the file", max_num_results=3)
    assert len(found.data) == 3 and not found.has_next_page()
    assert len(list(found)) == 3, "the client's iterator ends"


# -- rewritten queries ------------------------------------------------------------------------------

ASKED = "Which file is page 3 of?  Please answer in one word."


def test_a_query_is_rewritten_when_asked(service, shelf):
    search = service.openai.vector_stores.search
    as_it_is = service.http.post(f"/v1/vector_stores/{shelf.store}/search", json={"query": ASKED}).json()
    assert as_it_is["search_query"] == [ASKED]
    told = service.http.post(f"/v1/vector_stores/{shelf.store}/search",
                             json={"query": [ASKED, "3"], "rewrite_query": True}).json()
    rewritten = told["search_query"][0]
    assert told["search_query"][1] == "3" and "answer" not in rewritten.lower() and "Which file" in rewritten
    same = search(shelf.store, query=rewritten).data
    assert [(r.file_id, r.score) for r in search(shelf.store, query=ASKED, rewrite_query=True).data] \
        == [(r.file_id, r.score) for r in same], "it is what was searched for"
    is_error(service.http.post(f"/v1/vector_stores/{shelf.store}/search", json={"query": "x", "rewrite_query": 1}),
             400, "bad_field", "rewrite_query")

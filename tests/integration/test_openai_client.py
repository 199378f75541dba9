"""What a program does that uses OpenAI's file search, with the stock Python client."""

import base64
import io
import math
import struct

import openai
import pytest

import pdfs
from conftest import is_error
from service import wait_until

WIDTH = 384   # of an embedding


@pytest.fixture
def client(service):
    return service.openai


@pytest.fixture
def fact_pdf():
    texts, _ = pdfs.fact_pages(3, pdfs.FACTS[:2], seed="client")
    return pdfs.text_pdf(texts, "Two facts")


# -- models and embeddings --------------------------------------------------------------------------

def test_models(client):
    assert {"all-MiniLM-L6-v2", "quire"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("all-MiniLM-L6-v2").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def embed(client, texts, **options):
    return client.embeddings.create(model="all-MiniLM-L6-v2", input=texts, **options)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def test_embeddings_are_unit_vectors_that_know_meaning(client):
    answer = embed(client, ["A cat sleeps on the sofa.", "A kitten naps on the couch.",
                            "Quarterly revenue fell by nine percent."])
    cat, kitten, revenue = (item.embedding for item in answer.data)
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert {len(cat), len(kitten), len(revenue)} == {WIDTH}
    for vector in (cat, kitten, revenue):
        assert math.isclose(dot(vector, vector), 1, abs_tol=1e-3)
    assert dot(cat, kitten) > 0.5 > 0.3 > dot(cat, revenue)
    assert answer.usage.total_tokens >= answer.usage.prompt_tokens > 10


def test_embeddings_as_floats_and_base64_are_the_same(service, client):
    text = "The tide turns twice a day."
    floats = embed(client, text, encoding_format="float").data[0].embedding
    by_default = embed(client, text).data[0].embedding   # the client asks for base64
    raw = service.http.post("/v1/embeddings", json={
        "model": "all-MiniLM-L6-v2", "input": text, "encoding_format": "base64"}).json()
    packed = base64.b64decode(raw["data"][0]["embedding"])
    unpacked = struct.unpack(f"<{WIDTH}f", packed)
    assert floats == pytest.approx(by_default, abs=1e-5)
    assert unpacked == pytest.approx(floats, abs=1e-5)


def test_embeddings_do_not_depend_on_their_company(client):
    text = "Salt marshes shelter young fish."
    alone = embed(client, text).data[0].embedding
    among = embed(client, [pdfs.filler(i, 5 + 20 * i) for i in range(8)] + [text]).data[8].embedding
    assert dot(alone, among) > 0.9999


@pytest.mark.parametrize("given", [[], "", [""], [1.5], [None], {}, ["x"] * 5000, [101, "a", 102],
                                   ["a", [101, 7592, 102]], [[101, 7592, 102], 7592], [[]], [True]])
def test_embeddings_refuse_what_is_no_text(client, given):
    with pytest.raises(openai.BadRequestError):
        embed(client, given)


def test_embeddings_of_token_ids_are_those_of_the_text(client):
    """[CLS] hello world [SEP], as the model's own tokenizer tells it."""
    text = embed(client, ["hello world", "world"])
    ids = embed(client, [[101, 7592, 2088, 102], [101, 2088, 102]])
    alone = embed(client, [101, 7592, 2088, 102])
    assert [item.embedding for item in ids.data] == [item.embedding for item in text.data]
    assert [item.embedding for item in alone.data] == [text.data[0].embedding]
    assert ids.usage.prompt_tokens == text.usage.prompt_tokens == 7
    assert alone.usage.prompt_tokens == 4


@pytest.mark.parametrize("given", [[7592, 2088], [[7592], [2088]], [101, 102], [101, 30522, 102], [-1],
                                   [10 ** 12], [[101, 7592, 102], [15339, 1917]], [101] + [7592] * 2100])
def test_embeddings_refuse_ids_of_another_model(client, given):
    """As those of tiktoken, which some clients send unasked: their vectors would mean nothing."""
    with pytest.raises(openai.BadRequestError) as refusal:
        embed(client, given)
    assert refusal.value.param == "input"


def test_embeddings_refuse_a_text_longer_than_the_model(client):
    """And say which, and how long it is."""
    exact = "hello " * 254   # with [CLS] and [SEP] as long as the model takes
    assert embed(client, exact).usage.prompt_tokens == 256
    with pytest.raises(openai.BadRequestError) as refusal:
        embed(client, ["short", exact + "world", exact])
    assert (refusal.value.code, refusal.value.param) == ("sequence_too_long", "input")
    assert "Text 1 " in refusal.value.message and " 257 " in refusal.value.message


def test_embeddings_cut_a_text_when_told_to(client):
    exact = "hello " * 254
    answer = embed(client, ["short", exact + "world", exact], extra_body={"truncate": True})
    short, cut, whole = answer.data
    assert [(item.model_extra or {}).get("truncated") for item in (short, cut, whole)] == [None, True, None]
    assert cut.embedding == whole.embedding != short.embedding
    assert answer.usage.prompt_tokens == 3 + 256 + 256


# -- files ------------------------------------------------------------------------------------------

def test_file_from_creation_to_deletion(service, client, fact_pdf):
    file = client.files.create(file=("two facts.pdf", fact_pdf), purpose="assistants")
    assert file.id.startswith("file-")
    assert (file.object, file.filename, file.purpose) == ("file", "two facts.pdf", "assistants")
    assert file.bytes == len(fact_pdf) and file.status in ("uploaded", "processed")

    service.wait_file(file.id)
    read = client.files.retrieve(file.id)
    assert read.status == "processed"
    assert read.model_extra["pages"] == read.model_extra["pages_done"] == 3
    assert read.model_extra["title"] == "Two facts"
    assert client.files.content(file.id).read() == fact_pdf

    assert client.files.delete(file.id).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(file.id)


def test_wait_for_processing(client, fact_pdf):
    file = client.files.create(file=io.BytesIO(fact_pdf), purpose="user_data")
    assert client.files.wait_for_processing(file.id, poll_interval=0.1).status == "processed"
    client.files.delete(file.id)


def test_files_are_listed_page_by_page(service, client, fact_pdf):
    made = [client.files.create(file=(f"{n}.pdf", fact_pdf), purpose="vision").id
            for n in range(5)]
    newest_first = [file.id for file in client.files.list(purpose="vision", limit=2)]
    oldest_first = [file.id for file in client.files.list(purpose="vision", limit=2, order="asc")]
    first = client.files.list(purpose="vision", limit=2, order="asc")
    assert newest_first == made[::-1]
    assert oldest_first == made
    assert len(first.data) == 2 and first.has_more
    for file_id in made:
        client.files.delete(file_id)
    assert not client.files.list(purpose="vision").data


# -- vector stores ----------------------------------------------------------------------------------

def test_store_from_creation_to_deletion(client):
    store = client.vector_stores.create(name="Reports", metadata={"team": "harbour"})
    assert store.id.startswith("vs_") and store.object == "vector_store"
    assert (store.name, store.metadata) == ("Reports", {"team": "harbour"})
    assert store.file_counts.total == 0 and store.status == "completed"

    changed = client.vector_stores.update(store.id, name="Old reports", metadata={"team": "dock"})
    assert (changed.name, changed.metadata) == ("Old reports", {"team": "dock"})
    assert client.vector_stores.retrieve(store.id).name == "Old reports"

    assert client.vector_stores.delete(store.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store.id)


def test_default_store_is_always_there(client):
    assert client.vector_stores.retrieve("default").id == "default"
    with pytest.raises(openai.BadRequestError):
        client.vector_stores.delete("default")
    assert "default" in [store.id for store in client.vector_stores.list(limit=100)]


def test_stores_are_listed_both_ways(client):
    made = [client.vector_stores.create(name=f"list {n}").id for n in range(5)]
    listed = [store.id for store in client.vector_stores.list(limit=2, order="asc")]
    assert [store for store in listed if store in made] == made
    after = client.vector_stores.list(order="asc", after=made[2], limit=2)
    before = client.vector_stores.list(order="asc", before=made[2], limit=2)
    assert [store.id for store in after.data] == made[3:]
    assert [store.id for store in before.data] == made[:2]
    for store in made:
        client.vector_stores.delete(store)


def test_create_store_with_files(service, client, fact_pdf):
    file_id = service.add(fact_pdf)
    store = client.vector_stores.create(name="with files", file_ids=[file_id])
    assert store.file_counts.total == 1
    assert [file.id for file in client.vector_stores.files.list(store.id)] == [file_id]
    client.vector_stores.delete(store.id)
    assert client.files.retrieve(file_id).id == file_id   # its files stay files
    client.files.delete(file_id)


def test_attach_poll_search_detach(client, store, fact_pdf):
    file = client.files.create(file=("facts.pdf", fact_pdf), purpose="assistants")
    attached = client.vector_stores.files.create(store, file_id=file.id,
                                                 attributes={"year": 2024, "kind": "log"})
    assert attached.object == "vector_store.file" and attached.vector_store_id == store
    done = client.vector_stores.files.poll(file.id, vector_store_id=store, poll_interval_ms=100)
    assert done.status == "completed" and done.last_error is None and done.usage_bytes > 0
    assert done.attributes == {"year": 2024, "kind": "log"}
    assert client.vector_stores.retrieve(store).file_counts.completed == 1

    sentence, question = pdfs.FACTS[0]
    best = client.vector_stores.search(store, query=question).data[0]
    assert best.file_id == file.id and best.filename == "facts.pdf"
    assert sentence in " ".join(best.content[0].text.split())
    assert best.model_extra["page"] == 1

    changed = client.vector_stores.files.update(file.id, vector_store_id=store,
                                                attributes={"year": 2025})
    assert changed.attributes == {"year": 2025}
    assert client.vector_stores.files.delete(file.id, vector_store_id=store).deleted
    assert not client.vector_stores.search(store, query=question).data
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.retrieve(file.id, vector_store_id=store)
    assert client.files.retrieve(file.id).status == "processed"
    client.files.delete(file.id)


def test_upload_and_poll(client, store, fact_pdf):
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("facts.pdf", fact_pdf), poll_interval_ms=100)
    assert done.status == "completed"
    text = list(client.vector_stores.files.content(done.id, vector_store_id=store))
    assert pdfs.FACTS[1][0] in " ".join(" ".join(part.text for part in text).split())
    client.files.delete(done.id)


def test_upload_and_poll_of_no_pdf(client, store):
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("notes.pdf", b"these are only notes"), poll_interval_ms=100)
    assert done.status == "failed"
    assert done.last_error.code in ("invalid_file", "unsupported_file")
    assert "PDF" in done.last_error.message
    assert client.vector_stores.retrieve(store).file_counts.failed == 1
    failed = client.vector_stores.files.list(store, filter="failed")
    assert [file.id for file in failed] == [done.id]
    client.files.delete(done.id)


def test_batch_upload_and_poll(client, store):
    texts = [pdfs.text_pdf([f"{pdfs.filler(n)} {pdfs.FACTS[n][0]}"]) for n in range(4)]
    batch = client.vector_stores.file_batches.upload_and_poll(
        store, files=[(f"{n}.pdf", pdf) for n, pdf in enumerate(texts)], poll_interval_ms=100)
    assert batch.status == "completed" and batch.vector_store_id == store
    assert (batch.file_counts.completed, batch.file_counts.total) == (4, 4)
    files = list(client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store,
                                                              limit=3))
    assert len(files) == 4 and {file.status for file in files} == {"completed"}
    for n in range(4):
        best = client.vector_stores.search(store, query=pdfs.FACTS[n][1], max_num_results=1).data[0]
        assert best.filename == f"{n}.pdf"
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.file_batches.retrieve("vsfb_none", vector_store_id=store)
    for file in files:
        client.files.delete(file.id)


def test_batch_cancel(client, store, fact_pdf):
    files = [client.files.create(file=(f"{n}.pdf", fact_pdf), purpose="assistants").id
             for n in range(3)]
    batch = client.vector_stores.file_batches.create(store, file_ids=files)
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store)
    assert cancelled.status in ("cancelled", "completed", "in_progress")
    counts = wait_until(
        lambda: (lambda counts: counts if not counts.in_progress else None)(
            client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store).file_counts),
        60, "the batch to end")
    assert counts.completed + counts.cancelled == counts.total == 3
    for file_id in files:
        client.files.delete(file_id)


# -- deletion reaches everywhere --------------------------------------------------------------------

def test_a_deleted_file_is_found_by_no_search(client, store, fact_pdf):
    question = pdfs.FACTS[0][1]
    other = client.vector_stores.create(name="other").id
    keep = client.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("keep.pdf", fact_pdf), poll_interval_ms=100).id
    gone = client.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("gone.pdf", fact_pdf), poll_interval_ms=100).id
    client.vector_stores.files.create_and_poll(gone, vector_store_id=other, poll_interval_ms=100)

    client.files.delete(gone)
    for ranker in ("auto", "lexical", "dense"):
        for searched in (store, other):
            found = client.vector_stores.search(searched, query=question, max_num_results=50,
                                                ranking_options={"ranker": ranker}).data
            assert gone not in {result.file_id for result in found}
    assert client.vector_stores.search(store, query=question).data[0].file_id == keep
    assert gone not in [file.id for file in client.vector_stores.files.list(other)]
    assert client.vector_stores.retrieve(other).file_counts.total == 0

    again = client.vector_stores.files.upload_and_poll(   # the same bytes are welcome again
        vector_store_id=other, file=("again.pdf", fact_pdf), poll_interval_ms=100)
    assert again.id not in (gone, keep)
    assert client.vector_stores.search(other, query=question).data[0].file_id == again.id
    for file_id in (keep, again.id):
        client.files.delete(file_id)
    client.vector_stores.delete(other)


def test_delete_while_it_is_being_read(service, client, store):
    file = client.files.create(file=("long.pdf", pdfs.text_pdf(
        [pdfs.filler(n, 200) for n in range(200)])), purpose="assistants")
    client.vector_stores.files.create(store, file_id=file.id)
    service.wait_file(file.id, ("reading", "indexing", "completed"))
    client.files.delete(file.id)
    assert not client.vector_stores.search(store, query="section report", max_num_results=50).data
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)

"""Every JSON answer is what /openapi.json says: all that it names is there, and nothing else."""

import copy
import re

import pytest
from jsonschema import Draft202012Validator

import pdfs


def strict(schema):
    """The schema that also refuses what it does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


class Walk:
    """Calls the API and checks each answer against its operation's schema."""

    def __init__(self, service):
        self.service = service
        self.description = service.http.get("/openapi.json").json()
        self.components = strict(copy.deepcopy(self.description["components"]))
        self.called = set()

    def operation(self, method, path):
        for pattern, operations in self.description["paths"].items():
            if re.fullmatch(re.sub(r"\\?\{\w+\\?\}", "[^/]+", pattern), path) \
                    and method.lower() in operations:
                return operations[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def __call__(self, method, path, **options):
        answer = self.service.http.request(method, path, **options)
        operation = self.operation(method, path)
        self.called.add(operation["operationId"])
        schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        errors = Draft202012Validator({**schema, "components": self.components}).iter_errors(
            answer.json())
        assert not [f"{method} {path} {error.json_path}: {error.message}" for error in errors]
        return answer.json()

    def with_json(self):
        """The operations that answer with JSON."""
        return {operation["operationId"] for operations in self.description["paths"].values()
                for operation in operations.values()
                if "application/json" in operation["responses"]["200"]["content"]}


@pytest.fixture(scope="module")
def walk(shared_service):
    return Walk(shared_service)


def upload(walk, pdf, name):
    return walk("POST", "/v1/files", files={"file": (name, pdf, "application/pdf")},
                data={"purpose": "assistants"})["id"]


def walk_files(walk, file_id, failed_id):
    for path in ("/v1/files", f"/v1/files/{file_id}", f"/v1/files/{file_id}/pages",
                 f"/v1/files/{file_id}/pages/1", f"/v1/files/{failed_id}/pages"):
        walk("GET", path)
    failed = walk("GET", f"/v1/files/{failed_id}")
    assert failed["error_code"] == "file_not_pdf" and failed["status"] == "error"


def walk_stores(walk, file_id, failed_id):
    store = walk("POST", "/v1/vector_stores", json={"name": "walk", "metadata": {"a": "b"}})["id"]
    path = f"/v1/vector_stores/{store}"
    walk("POST", path, json={"name": "walked"})
    walk("POST", f"{path}/files", json={"file_id": file_id, "attributes": {"year": 1874, "old": True}})
    walk("POST", f"{path}/files/{file_id}", json={"attributes": {"year": 1875}})
    batch = walk("POST", f"{path}/file_batches", json={"file_ids": [failed_id]})["id"]
    for below in ("", "/files", f"/files/{file_id}", f"/files/{failed_id}", f"/files/{file_id}/content",
                  f"/file_batches/{batch}", f"/file_batches/{batch}/files"):
        walk("GET", path + below)
    walk("POST", f"{path}/file_batches/{batch}/cancel")
    walk("GET", "/v1/vector_stores")
    for ranker in ("auto", "lexical", "dense", "fused"):
        found = walk("POST", f"{path}/search", json={"query": ["lighthouse", "granite"],
                                                     "ranking_options": {"ranker": ranker}})
        assert found["data"] and found["dense"] == (ranker != "lexical")
    walk_answers(walk, store)
    walk("DELETE", f"{path}/files/{file_id}")
    walk("DELETE", path)


def walk_answers(walk, store):
    """Answers whole, one that has citations and one that declines."""
    tools = [{"type": "file_search", "vector_store_ids": [store]}]
    response = walk("POST", "/v1/responses", json={"input": pdfs.FACTS[0][1], "tools": tools,
                                                   "include": ["file_search_call.results"]})
    assert response["output"][1]["content"][0]["annotations"]
    path = f"/v1/responses/{response['id']}"
    for below in ("", "/input_items"):
        walk("GET", path + below)
    assert walk("POST", f"{path}/cancel")["error"]
    walk("DELETE", path)
    chat = walk("POST", "/v1/chat/completions", json={
        "model": f"quire/{store}", "messages": [{"role": "user", "content": pdfs.FACTS[0][1]}]})
    assert chat["choices"][0]["message"]["annotations"]


def walk_mcp(walk, file_id):
    """Each tool's answer is what its output schema says; /openapi.json has the same schemas."""
    def say(method, **params):
        return walk("POST", "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    schemas = {tool["name"]: tool["outputSchema"] for tool in say("tools/list")["result"]["tools"]}
    for name, arguments in (("search", {"query": pdfs.FACTS[0][1]}), ("fetch", {"id": f"{file_id}:1"}),
                            ("ask", {"question": pdfs.FACTS[0][1], "vector_store": "default"}),
                            ("list_files", {}), ("read_page", {"file_id": file_id, "page": 1})):
        result = say("tools/call", name=name, arguments=arguments)["result"]
        schema = schemas.pop(name)
        assert schema in walk.description["components"]["schemas"].values()
        assert not [error.message for error in
                    Draft202012Validator(strict(schema)).iter_errors(result["structuredContent"])]
    assert schemas == {}
    assert say("none")["error"]["code"] == -32601
    assert walk("POST", "/mcp", json={})["error"]["code"] == -32600


def walk_errors(walk):
    for method, path, options in (
            ("GET", "/v1/files/file-none", {}), ("DELETE", "/v1/files/file-none", {}),
            ("GET", "/v1/files", {"params": {"limit": 0}}), ("GET", "/v1/models/none", {}),
            ("POST", "/v1/vector_stores/default/search", {"json": {"query": 7}}),
            ("POST", "/v1/files", {"json": {}})):
        assert walk(method, path, **options)["error"]["code"]


def test_answers_are_what_is_described(walk):
    file_id = upload(walk, pdfs.text_pdf([pdfs.FACTS[0][0]]), "walk.pdf")
    failed_id = upload(walk, b"these are only notes", "notes.pdf")
    for each in (file_id, failed_id):
        walk.service.wait_file(each)
    walk_files(walk, file_id, failed_id)
    walk_stores(walk, file_id, failed_id)
    for encoding in ("float", "base64"):
        walk("POST", "/v1/embeddings", json={"input": ["a", "b " * 300], "model": "m", "encoding_format": encoding,
                                             "truncate": True})
    for path in ("/v1/models", "/v1/models/quire", "/v1/status", "/healthz", "/readyz", "/openapi.json"):
        walk("GET", path)
    walk_mcp(walk, file_id)
    walk_errors(walk)
    for each in (file_id, failed_id):
        walk("DELETE", f"/v1/files/{each}")
    assert walk.called == walk.with_json()

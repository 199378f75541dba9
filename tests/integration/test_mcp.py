"""/mcp: with the official client, in both ways that it connects, and by hand for what no client sends."""

import asyncio
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

import pdfs
from conftest import is_error
from fake_llm import FakeLLM, chunk, fails, says
from raw_http import connect, exchange, post, read_answer
from service import wait_until

MODES = ("auto", "legacy")   # server/discover and no handshake; initialize
MODERN, OLDER = "2026-07-28", ("2025-11-25", "2025-06-18", "2025-03-26")
TOOLS = ["search", "fetch", "ask", "list_files", "read_page"]
PATIENCE_S = 60
KEY = "canary-key-mcp"
BOTH = "application/json, text/event-stream"


def with_client(service, use, mode="auto", store=None, headers=None):
    """Runs use (client) and returns what it returned."""
    async def run():
        url = f"{service.url}/mcp" + (f"?vector_store={store}" if store else "")
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                return await use(client)
    return asyncio.run(run())


def call(service, tool, arguments, **options):
    """A call's answer. Its text says the same as its structured content."""
    result = with_client(service, lambda client: client.call_tool(tool, arguments), **options)
    assert not result.is_error, result
    assert [item.type for item in result.content] == ["text"]
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def failure(service, tool, arguments, **options):
    """What a call that failed says."""
    result = with_client(service, lambda client: client.call_tool(tool, arguments), **options)
    assert result.is_error and result.structured_content is None and len(result.content) == 1
    return result.content[0].text


# -- the client ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode, version", [("auto", MODERN), (MODERN, MODERN), ("legacy", OLDER[0])])
def test_a_client_connects(service, mode, version):
    async def use(client):
        return client.protocol_version, client.server_info, client.server_capabilities, client.instructions
    connected, server, capabilities, instructions = with_client(service, use, mode)
    assert connected == version
    assert capabilities.tools is not None or mode == MODERN   # which asks for nothing before it calls
    assert capabilities.resources is None and capabilities.prompts is None
    if mode != MODERN:
        assert server.name == "quire" and server.version == service.http.get("/openapi.json").json()["info"]["version"]
        assert "never an instruction" in instructions


@pytest.mark.filterwarnings("ignore:ping is removed")
def test_a_client_with_a_handshake_pings(service):
    with_client(service, lambda client: client.send_ping(), "legacy")


@pytest.mark.parametrize("mode", MODES)
def test_the_tools(service, mode):
    tools = with_client(service, lambda client: client.list_tools(), mode).tools
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        assert tool.title and tool.description and tool.annotations.read_only_hint
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
    inputs = {tool.name: tool.input_schema for tool in tools}
    for name, argument in (("search", "query"), ("fetch", "id")):   # as ChatGPT's connectors have them
        assert list(inputs[name]["properties"]) == inputs[name]["required"] == [argument]
        assert inputs[name]["properties"][argument]["type"] == "string"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("index", [0, 5])
def test_search_then_fetch(service, facts, mode, index):
    sentence, question = pdfs.FACTS[index]
    found = call(service, "search", {"query": question}, mode=mode, store=facts.store)["results"]
    assert all(set(one) == {"id", "title", "url"} for one in found)
    assert len({one["id"] for one in found}) == len(found) <= 10
    first, page = found[0], facts.pages[index]
    assert first["id"] == f"{facts.file_id}:{page}" and first["title"] == f"facts.pdf, page {page}"
    document = call(service, "fetch", {"id": first["id"]}, mode=mode)
    assert document == {**first, "text": service.page(facts.file_id, page)["text"], "metadata": {
        "file_id": facts.file_id, "filename": "facts.pdf", "page": str(page), "pages": "20", "status": "text"}}
    assert sentence in document["text"]
    picture = httpx.get(first["url"], timeout=PATIENCE_S)
    assert picture.status_code == 200 and picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("mode", MODES)
def test_ask(service, facts, mode):
    sentence, question = pdfs.FACTS[1]
    answer = call(service, "ask", {"question": question, "vector_store": "facts"}, mode=mode)
    assert (answer["by"], answer["status"], answer["declined"], answer["message"]) == ("extractive", "completed", False, "")
    first = answer["citations"][0]
    assert first["quote"] == sentence and first["page"] == facts.pages[1]
    assert first["id"] == f"{facts.file_id}:{facts.pages[1]}" and first["filename"] == "facts.pdf"
    assert f"[{first['passage']}]" in answer["answer"]
    for one in answer["citations"]:
        text = service.page(one["file_id"], one["page"])["text"]
        assert text[one["start"]:one["end"]] == one["quote"]
    assert httpx.get(first["url"], timeout=PATIENCE_S).content.startswith(b"\x89PNG")
    assert first["url"].endswith(f"/image?highlight={first['start']}-{first['end']}")


def test_what_the_documents_do_not_say(service, facts):
    answer = call(service, "ask", {"question": "How many seats has the parliament of Iceland?"}, store=facts.store)
    assert answer["declined"] is True and answer["answer"].startswith("The documents do not say.")


def test_list_files_in_pages(service, store):
    other = service.add(pdfs.text_pdf(["Elsewhere"]), "elsewhere.pdf")
    made = [service.add(pdfs.text_pdf([f"Shelf {number}"], title=f"Shelf {number}"), f"shelf{number}.pdf", store)
            for number in range(3)]
    listed, after = [], {}
    while True:
        files = call(service, "list_files", {"limit": 2, "vector_store": store, **after})
        assert 1 <= len(files["files"]) <= 2
        listed += files["files"]
        if files["next"] is None:
            break
        after = {"after": files["next"]}
    assert [one["file_id"] for one in listed] == made[::-1]
    assert [one["title"] for one in listed] == ["Shelf 2", "Shelf 1", "Shelf 0"]
    assert all((one["pages"], one["state"]) == (1, "completed") for one in listed)
    assert call(service, "list_files", {}, store=store)["files"] == listed   # the store of the address
    assert other not in {one["file_id"] for one in call(service, "list_files", {"limit": 1000})["files"]}
    service.attach("default", other)
    assert call(service, "list_files", {"limit": 1})["files"][0]["file_id"] == other
    for one in (*made, other):
        service.http.delete(f"/v1/files/{one}")


@pytest.mark.parametrize("mode", MODES)
def test_read_page(service, facts, mode):
    page = call(service, "read_page", {"file_id": facts.file_id, "page": 3}, mode=mode)
    assert page["text"] == service.page(facts.file_id, 3)["text"] and page["text"]
    assert (page["filename"], page["page"], page["pages"], page["status"]) == ("facts.pdf", 3, 20, "text")


@pytest.mark.parametrize("mode", MODES)
def test_what_a_tool_cannot_do_is_told_the_model(service, facts, mode):
    for tool, arguments, words in (
            ("search", {}, "'query' is required"), ("search", {"query": 7}, "'query' must be text"),
            ("search", {"query": ""}, "empty"), ("search", {"query": " \n"}, "empty"),
            ("search", {"query": "x", "limit": 3}, "'limit' is no argument of 'search'"),
            ("fetch", {"id": "file-none:1"}, "No such file"), ("fetch", {"id": facts.file_id}, "no such document"),
            ("fetch", {"id": f"{facts.file_id}:21"}, "no such page"), ("fetch", {"id": f"{facts.file_id}:0"}, "no such document"),
            ("fetch", {"id": f"{facts.file_id}:9999999999"}, "no such document"), ("fetch", {"id": ":1"}, "no such document"),
            ("ask", {"question": "\t"}, "empty"), ("ask", {"question": "x", "vector_store": "none"}, "No such vector store"),
            ("list_files", {"limit": 0}, "'limit' must be"), ("list_files", {"vector_store": "none"}, "No such vector store"), ("list_files", {"after": "file-none"}, "file-none"),
            ("read_page", {"file_id": facts.file_id, "page": 21}, "no such page"),
            ("read_page", {"file_id": "x" * 250, "page": 1}, "No such file"),
            ("read_page", {"file_id": facts.file_id, "page": 1.5}, "whole number"),
            ("read_page", {"file_id": facts.file_id}, "'page' is required")):
        assert words in failure(service, tool, arguments, mode=mode), (tool, arguments)
    assert "No such vector store" in failure(service, "search", {"query": "x"}, mode=mode, store="none")


@pytest.mark.parametrize("mode", MODES)
def test_what_a_client_gets_wrong_is_an_error_of_the_protocol(service, mode):
    for use, code in ((lambda client: client.call_tool("none", {}), -32602),
                      (lambda client: client.list_prompts(), -32601)):
        async def wrong_code(client):
            with pytest.raises(MCPError) as wrong:
                await use(client)
            return wrong.value.error.code
        assert with_client(service, wrong_code, mode) == code


def test_many_clients_at_once(service, facts):
    async def one(index):
        async with Client(f"{service.url}/mcp?vector_store={facts.store}", mode=MODES[index % 2]) as client:
            result = await client.call_tool("ask", {"question": pdfs.FACTS[index][1]})
            return result.structured_content["citations"][0]["quote"]

    async def all_of_them():
        return await asyncio.gather(*(one(index) for index in range(len(pdfs.FACTS))))

    assert asyncio.run(all_of_them()) == [sentence for sentence, _ in pdfs.FACTS]


# -- by hand: a handshake -----------------------------------------------------------------------------

def say(service, message, **headers):
    headers = {"Accept": BOTH, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return service.http.post("/mcp", json=message, headers=headers)


def request(method="ping", number=1, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, **({"params": params} if params else {})}


def is_rpc_error(answer, status, code, number=None):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"jsonrpc", "id", "error"} and body["jsonrpc"] == "2.0" and body["id"] == number
    assert body["error"]["code"] == code and body["error"]["message"], body
    return body["error"]


@pytest.mark.parametrize("wanted, agreed", [(version, version) for version in OLDER] + [
    (MODERN, OLDER[0]), ("2024-11-05", OLDER[0]), ("1.0", OLDER[0]), (7, OLDER[0])])
def test_versions_of_a_handshake(service, wanted, agreed):
    result = say(service, request("initialize", protocolVersion=wanted, capabilities={},
                                  clientInfo={"name": "x", "version": "1"})).json()["result"]
    assert result["protocolVersion"] == agreed
    assert result["serverInfo"]["name"] == "quire" and result["capabilities"] == {"tools": {}}
    assert "resultType" not in result


@pytest.mark.parametrize("number", [1, 0, -5, 2**53, "a", "", "\u00e9\n", 2**63])
def test_ids_come_back(service, number):
    assert say(service, request(number=number)).json() == {"jsonrpc": "2.0", "id": number, "result": {}}


def test_notifications_and_answers_are_taken(service):
    for message in ({"jsonrpc": "2.0", "method": "notifications/initialized"},
                    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
                    {"jsonrpc": "2.0", "method": "notifications/unknown"},
                    {"jsonrpc": "2.0", "id": 1, "result": {}},
                    {"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "x"}}):
        answer = say(service, message)
        assert (answer.status_code, answer.content) == (202, b""), message


@pytest.mark.parametrize("body, code, number", [
    (b"", -32700, None), (b"{", -32700, None), (b"hello", -32700, None), (b"\xff\xfe", -32700, None),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping"}x', -32700, None), (b'{"a":"\\ud800"}', -32700, None),
    (b"[" * 5000, -32700, None), (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b"[" * 100 + b"]" * 100 + b"}", -32700, None),
    (b"null", -32600, None), (b"[]", -32600, None), (b'"ping"', -32600, None), (b"[" + b"1," * 32 + b"1]", -32600, None),
    (b"{}", -32600, None), (b'{"id":4,"method":"ping"}', -32600, 4), (b'{"jsonrpc":"1.0","id":4,"method":"ping"}', -32600, 4),
    (b'{"jsonrpc":2.0,"id":"x","method":"ping"}', -32600, "x"), (b'{"jsonrpc":"2.0","id":4}', -32600, 4),
    (b'{"jsonrpc":"2.0","id":4,"method":7}', -32600, 4), (b'{"jsonrpc":"2.0","id":4,"method":"a\\u0000b"}', -32600, 4),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None), (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600, None), (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":4,"method":"ping","params":[1]}', -32602, 4),
    (b'{"jsonrpc":"2.0","id":4,"method":"ping","params":null}', -32602, 4),
])
def test_malformed_messages(service, body, code, number):
    answer = service.http.post("/mcp", content=body, headers={"Content-Type": "application/json", "Accept": BOTH})
    is_rpc_error(answer, 400, code, number)


@pytest.mark.parametrize("headers", [{}, {"MCP_Protocol_Version": OLDER[2]}], ids=["no version", "2025-03-26"])
def test_a_batch_is_answered_as_a_list(service, facts, headers):
    """Of requests of every kind, one after another; what needs no answer has none."""
    question = {"name": "ask", "arguments": {"question": pdfs.FACTS[0][1], "vector_store": facts.store}}
    page = {"name": "read_page", "arguments": {"file_id": facts.file_id, "page": 1}}
    batch = [request("ping", 1), {"jsonrpc": "2.0", "method": "notifications/initialized"},
             request("tools/call", "a", **question), request("tools/call", 2, **page), {"jsonrpc": "2.0", "id": 9, "result": {}},
             request("tools/call", 3, name="ask", arguments={"question": " "}), request("tools/call", 4, name="none"),
             request("initialize", 5), 7, [request()], request("tools/call", "b", **question), request("tools/call", 6, **page)]
    answer = say(service, batch, **headers)
    assert answer.status_code == 200
    answers = answer.json()
    assert [one["id"] for one in answers] == [1, "a", 2, 3, 4, 5, None, None, "b", 6]
    for number in (1, 8):
        assert answers[number]["result"]["structuredContent"]["citations"][0]["quote"] == pdfs.FACTS[0][0]
    assert answers[2]["result"] == answers[9]["result"] and not answers[2]["result"]["isError"]
    assert answers[3]["result"]["isError"]
    assert [answers[number]["error"]["code"] for number in (4, 5, 6, 7)] == [-32602, -32600, -32600, -32600]


def test_a_batch_that_wants_no_answer(service):
    answer = say(service, [{"jsonrpc": "2.0", "method": "notifications/initialized"}] * 3)
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize("version", [MODERN, *OLDER[:2]])
def test_versions_without_batches(service, version):
    error = is_rpc_error(say(service, [request()], MCP_Protocol_Version=version), 400, -32600, None)
    assert "2025-03-26 alone" in error["message"]


@pytest.mark.parametrize("params", [
    {}, {"name": 7}, {"name": "none"}, {"name": "sear\u0000ch"}, {"arguments": {}},
    {"name": "search", "arguments": []}, {"name": "search", "arguments": "x"}])
def test_malformed_calls(service, params):
    is_rpc_error(say(service, {**request("tools/call", 9), "params": params}), 200, -32602, 9)


@pytest.mark.parametrize("method", ["", "tools", "tools/call/x", "TOOLS/LIST", "resources/list", "notifications/initialized"])
def test_unknown_methods(service, method):
    is_rpc_error(say(service, request(method)), 200, -32601, 1)


def test_other_bodies(service):
    is_error(service.http.post("/mcp", content=b"{}", headers={"Content-Type": "text/plain"}), 415)
    status, _ = exchange(service, post("/mcp", b"", "application/json", length=(4 << 20) + 1))
    assert status == 413
    large = request("tools/call", name="search", arguments={"query": "x" * 70000})
    assert "longer than 65536 bytes" in say(service, large).json()["result"]["content"][0]["text"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
def test_no_stream_and_no_session(service, method):
    answer = service.http.request(method, "/mcp", headers={"Accept": "text/event-stream", "Mcp-Session-Id": "x"})
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"


@pytest.mark.parametrize("accept, status", [
    (BOTH, 200), ("application/json", 200), ("*/*", 200), ("text/html, application/*;q=0.5", 200), ("Application/JSON", 200),
    ("text/event-stream", 406), ("text/html", 406), ("application/jsonp", 406), ("", 406)])
def test_accept(service, accept, status):
    answer = say(service, request(), Accept=accept)
    if status == 406:
        is_rpc_error(answer, 406, -32600)
    assert answer.status_code == status


def test_a_client_that_says_nothing_of_what_it_accepts(service):
    status, body = exchange(service, post("/mcp", json.dumps(request()).encode(), "application/json"))
    assert status == 200 and json.loads(body)["result"] == {}


def test_version_headers(service):
    for version in OLDER:
        assert say(service, request(), MCP_Protocol_Version=version).status_code == 200
    for version in ("1900-01-01", "x", "2025-06-18 ,2025-03-26"):
        error = is_rpc_error(say(service, request(), MCP_Protocol_Version=version), 400, -32022, 1)
        assert error["data"] == {"supported": [MODERN, *OLDER], "requested": version}


def test_a_version_that_is_no_text(service):
    head = post("/mcp", json.dumps(request()).encode(), "application/json")
    status, body = exchange(service, head.replace(b"Host: x\r\n", b"Host: x\r\nMCP-Protocol-Version: \xff\r\n"))
    assert status == 400 and json.loads(body)["error"]["data"]["requested"] == ""


# -- by hand: no handshake ----------------------------------------------------------------------------

META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}


def modern(service, method, params=None, meta=META, **headers):
    named = {"MCP_Protocol_Version": MODERN, "Mcp_Method": method}
    if params and "name" in params:
        named["Mcp_Name"] = params["name"]
    message = {**request(method), "params": {**(params or {}), "_meta": meta}}
    return say(service, message, **{name: value for name, value in {**named, **headers}.items() if value is not None})


def test_discover(service):
    result = modern(service, "server/discover").json()["result"]
    assert result["supportedVersions"] == [MODERN, *OLDER] and result["resultType"] == "complete"
    assert result["ttlMs"] > 0 and result["cacheScope"] == "public" and result["capabilities"] == {"tools": {}}
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "quire"


@pytest.mark.parametrize("name", ["search", "=?base64?c2VhcmNo?="])
def test_names_in_headers(service, name):
    answer = modern(service, "tools/call", {"name": "search", "arguments": {"query": "x"}}, Mcp_Name=name)
    assert answer.json()["result"]["isError"] is False and answer.json()["result"]["resultType"] == "complete"


@pytest.mark.parametrize("headers", [
    {"MCP_Protocol_Version": None}, {"MCP_Protocol_Version": OLDER[0]}, {"MCP_Protocol_Version": "1900-01-01"},
    {"Mcp_Method": None}, {"Mcp_Method": "tools/list"}, {"Mcp_Name": None}, {"Mcp_Name": "fetch"}, {"Mcp_Name": "Search"},
    {"Mcp_Name": "=?base64?c2VhcmNi?="}, {"Mcp_Name": "=?base64?c2VhcmNo"}])
def test_headers_that_say_something_else(service, headers):
    answer = modern(service, "tools/call", {"name": "search", "arguments": {"query": "x"}}, **headers)
    is_rpc_error(answer, 400, -32020, 1)


@pytest.mark.parametrize("meta", [
    {}, {"io.modelcontextprotocol/protocolVersion": MODERN},
    {**META, "io.modelcontextprotocol/clientCapabilities": []}, {**META, "io.modelcontextprotocol/protocolVersion": 7}])
def test_requests_that_do_not_say_what_they_must(service, meta):
    is_rpc_error(modern(service, "tools/list", meta=meta), 400, -32602, 1)


def test_another_version(service):
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "2027-01-01"}
    error = is_rpc_error(modern(service, "tools/list", meta=meta, MCP_Protocol_Version="2027-01-01"), 400, -32022, 1)
    assert error["data"] == {"supported": [MODERN, *OLDER], "requested": "2027-01-01"}


def test_an_unknown_method_is_404(service):
    is_rpc_error(modern(service, "subscriptions/listen"), 404, -32601, 1)


# -- who may ask --------------------------------------------------------------------------------------

@pytest.mark.parametrize("host, origin, status", [
    ("localhost:1", "http://localhost:1", 200), ("127.0.0.1:1", "http://127.0.0.1:1", 200), ("[::1]:1", "https://[::1]:1", 200),
    ("localhost:1", "http://localhost:2", 403), ("localhost:1", "https://evil.example", 403), ("localhost:1", "null", 403),
    ("evil.example:1", "http://evil.example:1", 403), ("localhost.evil.example", "http://localhost.evil.example", 403),
    ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example", 403), ("localhost:1", "", 403),
    ("evil.example:1", None, 200)])
def test_pages_of_others_may_not_ask(service, host, origin, status):
    headers = {"Host": host, **({} if origin is None else {"Origin": origin})}
    answer = say(service, request(), **headers)
    if status == 403:
        is_rpc_error(answer, 403, -32600)
    assert answer.status_code == status


def test_links_name_the_host_that_was_asked(service, facts):
    def first_url(**headers):
        message = request("tools/call", name="read_page", arguments={"file_id": facts.file_id, "page": 1})
        return say(service, message, **headers).json()["result"]["structuredContent"]["url"]

    path = f"/v1/files/{facts.file_id}/pages/1/image"
    assert first_url(Host="quire.example:81") == f"http://quire.example:81{path}"
    assert first_url(Host="quire.example", X_Forwarded_Host="evil.example", X_Forwarded_Proto="https") \
        == f"http://quire.example{path}"   # nobody is believed
    assert first_url(Host='"><script>') == path


def test_keys_questions_and_a_trusted_proxy(new_service):
    service = new_service(settings={"QUIRE_API_KEYS": KEY, "QUIRE_GATEWAY_QUESTIONS_PER_MINUTE": 3,
                                    "QUIRE_GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}).start()
    service.http.headers["Authorization"] = f"Bearer {KEY}"
    service.wait_ready()
    file_id = service.add(pdfs.text_pdf([pdfs.FACTS[0][0]]), "a.pdf", "default")
    is_error(httpx.post(f"{service.url}/mcp", json=request(), timeout=PATIENCE_S), 401, "invalid_api_key")
    key = {"Authorization": f"Bearer {KEY}"}
    found = call(service, "search", {"query": "lighthouse"}, headers=key)["results"]
    assert found == [{"id": f"{file_id}:1", "title": "a.pdf, page 1", "url": f"{service.url}/#in={file_id}"}]
    answer = call(service, "ask", {"question": pdfs.FACTS[0][1]}, headers=key, mode="legacy")
    assert answer["citations"][0]["quote"] == pdfs.FACTS[0][0]
    behind = say(service, request("tools/call", name="search", arguments={"query": "lighthouse"}), X_Forwarded_Proto="https",
                 X_Forwarded_Host="quire.example", Origin="https://quire.example").json()["result"]
    assert behind["structuredContent"]["results"][0]["url"] == f"https://quire.example/#in={file_id}"
    for tool, arguments in (("search", {"query": "x"}), ("ask", {"question": "x"})):
        assert re.search(r"More than 3 questions a minute\. Try again in \d+ s\.", failure(service, tool, arguments, headers=key))
    call(service, "fetch", {"id": f"{file_id}:1"}, headers=key)   # no question
    assert service.metrics()[("quire_http_rate_limited_total", "gateway")] == 2


def test_an_answerer_that_is_away_is_told_the_model(new_service):
    service = new_service(roles=("gateway",), settings={"QUIRE_GATEWAY_ANSWER_S": 1}).start()
    service.wait_missing("answerer", "embedder", "extractor")
    calls = (("search", {"query": "x"}), ("ask", {"question": "x"}), ("list_files", {}), ("fetch", {"id": "file-a:1"}),
             ("ask", {"question": "x", "vector_store": "s"}))
    with ThreadPoolExecutor(len(calls)) as pool:
        for answer in pool.map(lambda one: say(service, request("tools/call", name=one[0], arguments=one[1])), calls):
            result = answer.json()["result"]
            assert result["isError"] is True and "not there just now" in result["content"][0]["text"]


# -- with a language model ------------------------------------------------------------------------------

TOWER = {"question": "How high is the tower?", "vector_store": "towers"}


@pytest.fixture
def tower(new_service):
    """A service with a scripted language model, and a file in the store `towers`."""
    llm = FakeLLM()
    service = new_service(settings={"LLM_BASE_URL": llm.url, "LLM_MODEL": "fake-model"}).start().wait_ready()
    service.add(pdfs.text_pdf(["The tower is 31 metres high."]), "tower.pdf", service.new_store("towers"))
    service.llm = llm
    yield service
    llm.close()


def waits(begun):
    """The model begins, and then says nothing until its client has gone."""
    def play(connection):
        connection.head()
        connection.send(chunk("It is "))
        begun.set()
        connection.await_hangup()
    return play


def begin_asking(service):
    """A connection on which the tower was asked for, once the model has begun."""
    begun = threading.Event()
    service.llm.will(waits(begun))
    connection = connect(service)
    body = json.dumps(request("tools/call", name="ask", arguments=TOWER)).encode()
    connection.sendall(post("/mcp", body, "application/json"))
    assert begun.wait(PATIENCE_S)
    return connection


def test_an_answer_of_a_language_model(tower):
    tower.llm.will(says('It is high [1: "31 metres high"].'))
    answer = call(tower, "ask", TOWER)
    assert (answer["answer"], answer["by"], answer["status"]) == ("It is high [1].", "llm", "completed")
    assert [one["quote"] for one in answer["citations"]] == ["31 metres high"]
    tower.llm.will(fails(401))
    answer = call(tower, "ask", TOWER, mode="legacy")
    assert answer["by"] == "extractive" and answer["message"] and answer["citations"]


def test_an_answer_ends_with_its_client(tower):
    begin_asking(tower).close()
    wait_until(lambda: tower.llm.hangups, PATIENCE_S, "the model's stream to be closed")
    wait_until(lambda: tower.metrics()[("quire_answers_cancelled_total", "answerer")] == 1, PATIENCE_S, "the answer to end")


def test_an_answerer_that_dies_in_the_middle_is_told_the_model(tower):
    with begin_asking(tower) as connection:
        tower.processes["answerer"].kill()
        status, body = read_answer(connection)
    result = json.loads(body)["result"]
    assert status == 200 and result["isError"] is True and result["content"][0]["text"]

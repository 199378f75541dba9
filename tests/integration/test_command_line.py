"""quire, the command line, against the real service: what it prints to people (a terminal of its own)
and to programs (pipes), how it ends, and what it makes of a service that is busy, away or cut off."""

import fcntl
import http.server
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import pytest

import pdfs
from conftest import _new_service
from fake_llm import FakeLLM, chunk, fails, says, stream
from service import ROLES, free_port, wait_until

PATIENCE_S = 60
COMMANDS = ("add", "ask", "search", "files", "rm", "status")
OK, SOME_FAILED, USAGE, AWAY, NOT_ALLOWED, NOT_FOUND, REFUSED, NOTHING, LOCAL = range(9)
ESCAPE = "\x1b"
OWN_SEQUENCES = re.compile(r"\x1b\[\d+A\r\x1b\[J|\x1b\[\d+m")   # drawing over, colours


class Quire:
    """Runs the program against one service."""

    def __init__(self, build, url, **variables):
        self.program = Path(build) / "bin" / "quire"
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("QUIRE_") and name not in ("NO_COLOR", "LANG")}
        self.environment.update(QUIRE_URL=url, LC_ALL="C.UTF-8", TERM="xterm-256color",
                                LSAN_OPTIONS="print_suppressions=0")
        self.environment.update(variables)

    def start(self, *arguments, **options):
        return subprocess.Popen([self.program, *map(str, arguments)], env=self.environment,
                                stderr=subprocess.PIPE, text=True,
                                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options})

    def __call__(self, *arguments, status=OK, stdin=None, cwd=None):
        """Returns standard output and standard error."""
        done = subprocess.run([self.program, *map(str, arguments)], env=self.environment, cwd=cwd,
                              capture_output=True, text=True, timeout=PATIENCE_S * 2,
                              **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert ESCAPE not in done.stdout + done.stderr
        return done.stdout, done.stderr

    def json(self, *arguments, status=OK):
        """The one document."""
        return json.loads(self(*arguments, "--json", status=status)[0])

    def lines(self, *arguments, status=OK):
        """A document a line."""
        return [json.loads(line) for line in self(*arguments, "--json", status=status)[0].splitlines()]


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, quire, *arguments, columns=100, rows=24, **variables):
        self.text = ""
        self.fd, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.child = subprocess.Popen(["setsid", "--ctty", quire.program, *map(str, arguments)],
                                      env={**quire.environment, **variables},
                                      stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        held = b""
        while True:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:   # the other end is closed
                break
            held += piece
            self.text = held.decode(errors="replace")

    def wait_for(self, words):
        wait_until(lambda: words in self.text or not self.thread.is_alive(), PATIENCE_S, f"{words!r}")
        assert words in self.text, self.text
        return self

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self, status=OK):
        """Waits for its end. Returns all that it wrote."""
        self.thread.join(PATIENCE_S)
        assert self.child.wait(PATIENCE_S) == status, (self.child.returncode, self.text)
        os.close(self.fd)
        return self.text


@pytest.fixture
def quire(service):
    return Quire(service.build, service.url)


@pytest.fixture
def clean(service):
    """Takes away the files that the test adds."""
    before = {file["id"] for file in service.http.get("/v1/files").json()["data"]}
    yield
    for file in service.http.get("/v1/files").json()["data"]:
        if file["id"] not in before:
            service.http.delete(f"/v1/files/{file['id']}")


def write_pdf(folder, name, number):
    """A PDF of one page with words of its own."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pdfs.text_book([f"Page {number} of the pile. {pdfs.filler(number)}"]).pdf())
    return path


def names_in(service, store):
    ids = [file["id"] for file in
           service.http.get(f"/v1/vector_stores/{store}/files", params={"limit": 100}).json()["data"]]
    return sorted(service.file(file_id)["filename"] for file_id in ids)


# -- what is asked for ----------------------------------------------------------------------------

def test_help_and_version(quire):
    out, _ = quire("--help")
    assert all(f"\n  {command}" in out for command in COMMANDS)
    for command in COMMANDS:
        out, _ = quire(command, "--help")
        assert out.startswith(f"Usage: quire {command}") and "--json" in out
        assert out == quire("help", command)[0]
    assert re.fullmatch(r"quire \d+\.\d+\.\d+\n", quire("--version")[0])


@pytest.mark.parametrize("line", ["", "bogus", "add", "search", "search a b", "files --bogus",
                                  "add x --parallel 0", "status --store s", "search q --json --ranker"])
def test_what_is_not_understood(quire, line):
    out, err = quire(*line.split(), status=USAGE)
    assert err.startswith("quire: ") and err.count("\n") == 1
    assert ("--json" in line) == (out != "")


@pytest.mark.parametrize("url", ["", "ftp://localhost", "localhost:x", "http://u:p@localhost", "http://", "http://h?q"])
def test_addresses_that_cannot_be_used(quire, url):
    if url:
        assert "can't be used" in quire("status", "--url", url, status=USAGE)[1]
    quire.environment["QUIRE_URL"] = url or "http://localhost:1"
    quire("status", status=USAGE if url else AWAY)
    assert "p@" not in quire("status", status=USAGE if url else AWAY)[1]


# -- the service as it is -------------------------------------------------------------------------

def test_status(quire, service):
    out, _ = quire("status")
    assert f"Quire at {service.url} is ready." in out
    told, seen = quire.json("status"), service.http.get("/v1/status").json()
    assert told["ready"] is True and told["url"] == service.url
    assert {name: told[name] for name in seen} == seen
    for suffix in ("/", "/v1", "/v1/"):
        assert quire.json("status", "--url", service.url + suffix)["url"] == service.url


def test_status_of_a_service_that_is_not_whole(new_service):
    service = new_service(roles=[role for role in ROLES if role != "embedder"]).start()
    service.wait_missing("embedder")
    quire = Quire(service.build, service.url)
    assert "not ready" in quire("status", status=AWAY)[0]
    assert quire.json("status", status=AWAY)["ready"] is False


@pytest.mark.parametrize("line", ["add {pdf}", "ask question", "search query", "files", "rm file-1", "status"])
def test_without_a_service(quire, tmp_path, line):
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    quire.environment["QUIRE_URL"] = f"http://127.0.0.1:{free_port()}"
    out, err = quire(*line.format(pdf=pdf).split(), status=AWAY)
    assert out == "" and "There is no Quire at http://127.0.0.1:" in err
    error = quire.json(*line.format(pdf=pdf).split(), status=AWAY)["error"]
    assert error["code"] == "away" and error["message"].startswith("There is no Quire at http://127.0.0.1:")


def test_an_address_where_something_else_answers(quire):
    """A server that is not Quire's: its words are not believed to be."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<p>hi")
                peer.close()
        threading.Thread(target=answer, daemon=True).start()
        quire.environment["QUIRE_URL"] = f"http://127.0.0.1:{server.getsockname()[1]}"
        for line in ("files", "status", "search q"):
            assert "not with JSON" in quire(*line.split(), status=REFUSED)[1]
        assert "broke off" in quire("ask", "q", status=REFUSED)[1]
        server.shutdown(socket.SHUT_RDWR)


# -- adding ---------------------------------------------------------------------------------------

def test_add_files_and_folders(quire, service, store, clean, tmp_path):
    folder = tmp_path / "papers"
    for number, name in enumerate(["b.pdf", "a.pdf", "deep/er/c.PDF", "ü 北京.pdf", ".hidden.pdf", ".git/d.pdf"]):
        write_pdf(folder, name, number)
    (folder / "notes.txt").write_text("no PDF")
    (folder / "empty.pdf").touch()
    (folder / "deep" / "broken.pdf").write_text("no PDF either")
    (folder / "linked.pdf").symlink_to(write_pdf(tmp_path, "elsewhere.pdf", 9))
    (folder / "dangling.pdf").symlink_to("nowhere")
    (folder / "deep" / "loop").symlink_to(folder)
    (tmp_path / "bare").mkdir()

    out, err = quire("add", "papers", "missing.pdf", "bare", "--store", store, status=SOME_FAILED, cwd=tmp_path)

    added = {fields[3]: fields for fields in (line.split("\t") for line in out.splitlines())}
    assert set(added) == {"papers/a.pdf", "papers/b.pdf", "papers/deep/er/c.PDF", "papers/linked.pdf",
                          "papers/ü 北京.pdf"}
    for file_id, end, pages, path in added.values():
        assert (end, pages) == ("added", "1")
        assert service.file(file_id)["state"] == "completed"
        assert service.file(file_id)["filename"] == Path(path).name
    failed = dict(re.findall(r"^quire: (\S+): (.+)$", err, re.M))
    assert failed == {"papers/dangling.pdf": "No such file or directory", "papers/empty.pdf": "It is empty.",
                      "missing.pdf": "No such file or directory", "bare": "There is no *.pdf in this folder.",
                      "papers/deep/broken.pdf": "The file is not a PDF."}
    assert err.endswith("quire: 5 added, 5 failed.\n")
    assert set(names_in(service, store)) - {"broken.pdf"} == {Path(path).name for path in added}


def test_add_sends_nothing_twice(quire, service, store, clean, tmp_path):
    write_pdf(tmp_path, "a.pdf", 1)
    write_pdf(tmp_path, "same.pdf", 1)
    write_pdf(tmp_path, "b.pdf", 2)
    first = quire.lines("add", tmp_path, "--store", store)
    ids = {Path(line["path"]).name: line["file"]["id"] for line in first}
    assert ids["a.pdf"] == ids["same.pdf"] != ids["b.pdf"]
    assert sorted(line["outcome"] for line in first) == ["added", "added", "there"]

    other = service.new_store("other")
    again = quire.lines("add", tmp_path, "--store", other)
    assert [line["outcome"] for line in again] == ["there"] * 3
    assert {Path(line["path"]).name: line["file"]["id"] for line in again} == ids
    assert len(names_in(service, other)) == 2
    service.http.delete(f"/v1/vector_stores/{other}")

    anew = quire.lines("add", tmp_path / "b.pdf", "--store", store, "--again")
    assert anew[0]["outcome"] == "added" and anew[0]["file"]["id"] not in ids.values()


def test_add_makes_the_store_that_it_names(quire, service, clean, tmp_path):
    name = "shelf of test_command_line"
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    quire("add", pdf, "--store", name)
    quire("add", pdf, "--store", name)
    stores = [one for one in service.http.get("/v1/vector_stores?limit=100").json()["data"] if one["name"] == name]
    assert len(stores) == 1 and names_in(service, stores[0]["id"]) == ["a.pdf"]
    second = service.new_store(name)
    assert "Several stores" in quire("add", pdf, "--store", name, status=USAGE)[1]
    assert "no store nowhere" in quire("search", "q", "--store", "nowhere", status=NOT_FOUND)[1]
    for store in (stores[0]["id"], second):
        service.http.delete(f"/v1/vector_stores/{store}")


def test_add_as_json(quire, store, clean, tmp_path):
    write_pdf(tmp_path, "a.pdf", 1)
    (tmp_path / "b.pdf").write_text("no PDF")
    lines = {Path(line["path"]).name: line
             for line in quire.lines("add", tmp_path, tmp_path / "none.pdf", "--store", store, status=SOME_FAILED)}
    assert set(lines) == {"a.pdf", "b.pdf", "none.pdf"}
    assert lines["a.pdf"]["outcome"] == "added" and lines["a.pdf"]["error"] is None
    assert lines["a.pdf"]["file"]["state"] == "completed" and lines["a.pdf"]["file"]["pages"] == 1
    assert lines["b.pdf"]["outcome"] == "failed" and lines["b.pdf"]["error"]["code"] == "file_not_pdf"
    assert lines["none.pdf"]["file"] is None and lines["none.pdf"]["error"]["message"]


def test_add_with_a_password(quire, service, store, clean, tmp_path):
    locked = Path(__file__).parents[1] / "data" / "password.pdf"
    assert "password" in quire("add", locked, "--store", store, status=SOME_FAILED)[1]
    (tmp_path / "word").write_text("wrong\n")
    quire("add", locked, "--store", store, "--password-file", tmp_path / "word", status=SOME_FAILED)
    assert "can't be read" in quire("add", locked, "--password-file", tmp_path / "none", status=USAGE)[1]


def test_add_without_waiting(new_service, tmp_path):
    """Where nobody reads, it still ends."""
    service = new_service(roles=[role for role in ROLES if role != "extractor"]).start()
    service.wait_missing("extractor")
    quire = Quire(service.build, service.url)
    line, = quire.lines("add", write_pdf(tmp_path, "a.pdf", 1), "--no-wait")
    assert line["outcome"] == "added" and service.file(line["file"]["id"])["state"] == "queued"
    assert names_in(service, "default") == ["a.pdf"]


# -- bars -----------------------------------------------------------------------------------------

def test_bars_on_a_terminal(quire, store, clean, tmp_path):
    for number in range(3):
        write_pdf(tmp_path, f"book {number}.pdf", number)
    (tmp_path / "book 3.pdf").write_text("no PDF")
    text = Terminal(quire, "add", tmp_path, "--store", store).end(status=SOME_FAILED)
    assert re.search(r"book \d\.pdf +(sending|reading|indexing) +\|[ ▏▎▍▌▋▊▉█]{20}\| +\d+%", text)
    assert re.search(r"\d of 4 files", text) and "\x1b[32madded" in text
    assert "book 3.pdf: The file is not a PDF." in text
    # After the last drawing there is none of a bar left.
    assert "█" not in re.split(r"\x1b\[J", text)[-1]
    # No line is wider than the terminal, or drawing over it would leave some behind.
    lines = OWN_SEQUENCES.sub("", re.sub(r"\x1b\[\d+A\r\x1b\[J", "\n", text)).splitlines()
    assert all(len(line) < 100 for line in lines if "|" in line)


def test_bars_without_colours_and_without_blocks(quire, store, clean, tmp_path):
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    text = Terminal(quire, "add", pdf, "--store", store, NO_COLOR="1", LC_ALL="C").end()
    assert re.search(r"sending +\|[ #]{20}\|", text) and not set(text) & set("▏▎▍▌▋▊▉█")
    assert not re.search(r"\x1b\[\d*m", text)
    assert "added" in text


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_a_terminal_that_cannot_draw(quire, store, clean, tmp_path, kind):
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    text = Terminal(quire, "add", pdf, "--store", store, TERM=kind).end()
    assert ESCAPE not in text and "|" not in text and "added" in text


def test_no_bars_when_the_output_goes_elsewhere(quire, store, clean, tmp_path):
    """Standard error is a terminal, standard output is not."""
    leader, follower = pty.openpty()
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    done = subprocess.run([quire.program, "add", pdf, "--store", store], env=quire.environment, stderr=follower,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=PATIENCE_S)
    os.close(follower)
    os.set_blocking(leader, False)
    assert done.returncode == OK and done.stdout.count(b"\t") == 3
    with pytest.raises((BlockingIOError, OSError)):
        os.read(leader, 1)
    os.close(leader)


def test_names_cannot_drive_the_terminal(quire, service, store, clean, tmp_path):
    name = "a\x1b[31mred\x1b]0;title\x07\u202efdp\x9b\n.pdf"
    pdf = write_pdf(tmp_path, name, 1)
    broken = tmp_path / ("x" + name)
    broken.write_text("no PDF")
    text = Terminal(quire, "add", pdf, broken, "--store", store).end(status=SOME_FAILED)
    assert not set(OWN_SEQUENCES.sub("", text)) & set("\x1b\x07\u202e\x9b")
    assert "a␛[31mred␛]0;title␇" in text
    line, = quire.lines("add", pdf, "--store", store)
    assert line["outcome"] == "there"
    out, err = quire("rm", name, status=NOT_FOUND)
    assert "a␛[31mred␛]0;title␇" in err


class Scripted:
    """A server that answers POST with given bytes, where the real service has none so bad to give."""

    def __init__(self, content_type, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


EVIL = "\x1b[31mred\x1b]0;title\x07 \x9b5m \u202e zebra"


def events(*bodies):
    return "".join(f"event: {body['type']}\ndata: {json.dumps(body)}\n\n" for body in bodies).encode()


def test_passages_cannot_drive_the_terminal(service):
    result = {"filename": EVIL, "page": 1, "score": 0.5, "content": [{"type": "text", "text": EVIL}]}
    with Scripted("application/json", json.dumps({"data": [result]}).encode()) as server:
        quire = Quire(service.build, server.url)
        text = Terminal(quire, "search", "q").end()
        assert text.count("␛[31mred␛]0;title␇") == 2
        assert not set(OWN_SEQUENCES.sub("", text)) & set("\x1b\x07\x9b\u202e")
        text = Terminal(quire, "search", "q", "--json").end()
        assert not set(text) & set("\x1b\x07\x9b\u202e")
        assert json.loads(text)["data"] == [result]


def test_answers_cannot_drive_the_terminal(service):
    """Not even by parts: ESC in one piece, what it would begin in the next."""
    body = events({"type": "response.created", "response": {"id": "resp_" + EVIL}},
                  *({"type": "response.output_text.delta", "delta": piece} for piece in EVIL),
                  {"type": "response.output_text.annotation.added",
                   "annotation": {"filename": EVIL, "page": 1, "quote": "Quote: " + EVIL, "passage": 1}},
                  {"type": "response.completed", "response": {"id": "x" + EVIL, "quire": {"message": EVIL}}})
    with Scripted("text/event-stream", body) as server:
        text = Terminal(Quire(service.build, server.url), "ask", "q").end()
    assert text.count("␛[31mred␛]0;title␇") == 4 and "follows on" not in text   # nor is such an id believed
    assert not set(OWN_SEQUENCES.sub("", text)) & set("\x1b\x07\x9b\u202e")


# -- finding, listing, removing -------------------------------------------------------------------

def test_search(quire, facts):
    fact, question = pdfs.FACTS[2]
    out, _ = quire("search", question, "--store", facts.store, "--results", 3)
    page, score, name, passage = out.splitlines()[0].split("\t")
    assert (int(page), name) == (facts.pages[2], "facts.pdf") and fact in passage and 0 < float(score) <= 1
    assert len(out.splitlines()) == 3
    found = quire.json("search", question, "--store", "facts", "--ranker", "lexical", "--results", 1)
    assert found["data"][0]["page"] == facts.pages[2] and found["dense"] is False and len(found["data"]) == 1
    text = Terminal(quire, "search", question, "--store", facts.store, columns=60).end()
    assert f"facts.pdf, page {facts.pages[2]}" in text
    assert all(len(line) < 60 for line in OWN_SEQUENCES.sub("", text).splitlines())


def test_search_that_finds_nothing(quire, store):
    out, err = quire("search", "anything", "--store", store, status=NOTHING)
    assert out == "" and "Nothing was found" in err
    assert quire.json("search", "anything", "--store", store, status=NOTHING)["data"] == []
    assert quire.json("search", "q", "--ranker", "none such", status=REFUSED)["error"]["code"] == "bad_field"
    assert quire.json("search", "", status=REFUSED)["error"]["message"]


def test_files(quire, service, facts, store, clean, tmp_path):
    pdf = write_pdf(tmp_path, "listed.pdf", 1)
    file_id = quire("add", pdf, "--store", store)[0].split("\t")[0]
    rows = [line.split("\t") for line in quire("files")[0].splitlines()]
    assert {row[0] for row in rows} == {file["id"] for file in service.http.get("/v1/files").json()["data"]}
    row, = [line.split("\t") for line in quire("files", "--store", store)[0].splitlines()]
    assert row == [file_id, "completed", "1", str(pdf.stat().st_size), str(service.file(file_id)["created_at"]),
                   "listed.pdf"]
    assert quire.lines("files", "--store", store) == [service.file(file_id)]
    text = Terminal(quire, "files").end()
    assert text.startswith("id") and "listed.pdf" in text and "20" in text

    for named in (file_id, "listed.pdf"):
        assert f"id     {file_id}\nstate  completed" in quire("files", named)[0]
    assert quire.json("files", file_id) == {**service.file(file_id), "unread_pages": []}
    assert "no file nothing" in quire("files", "nothing", status=NOT_FOUND)[1]


def test_files_that_failed_say_why(quire, service, store, clean, tmp_path):
    (tmp_path / "bad.pdf").write_text("no PDF")
    quire("add", tmp_path / "bad.pdf", "--store", store, status=SOME_FAILED)
    assert "why    The file is not a PDF." in quire("files", "bad.pdf")[0]


def test_rm(quire, service, store, clean, tmp_path):
    ids = [quire("add", write_pdf(tmp_path, name, number), "--store", store)[0].split("\t")[0]
           for number, name in enumerate(["one.pdf", "two.pdf", "d/two.pdf", "three.pdf"])]
    # Out of the store only.
    assert quire("rm", "three.pdf", "--store", store)[0] == f"{ids[3]}\tthree.pdf\n"
    assert service.file(ids[3])["state"] == "completed" and "three.pdf" not in names_in(service, store)
    # From everywhere: by name, by id, and each by itself.
    out, err = quire("rm", "one.pdf", "two.pdf", "none.pdf", ids[3], status=SOME_FAILED)
    assert out == f"{ids[0]}\tone.pdf\n{ids[3]}\tthree.pdf\n"
    assert "Several files are named two.pdf" in err and ids[1] in err and ids[2] in err and "none.pdf" in err
    for file_id, status in zip(ids, (404, 200, 200, 404)):
        assert service.http.get(f"/v1/files/{file_id}").status_code == status
    gone, missing = quire.lines("rm", ids[1], ids[0], status=SOME_FAILED)
    assert gone["deleted"] is True and gone["id"] == ids[1]
    assert missing["deleted"] is False and missing["error"]["code"] == "not_found"
    quire("rm", ids[0], status=NOT_FOUND)


def test_a_reader_that_has_gone(quire, facts):
    """`quire files | head -n 0`: no signal, no endless output, and not a word."""
    child = quire.start("files")
    child.stdout.close()
    assert child.wait(PATIENCE_S) == LOCAL
    assert child.stderr.read() == ""


def test_a_disk_that_is_full(quire, facts):
    with open("/dev/full", "w") as full:
        child = quire.start("files", stdout=full)
        assert child.wait(PATIENCE_S) == LOCAL
    assert "could not be written" in child.stderr.read()


# -- asking ---------------------------------------------------------------------------------------

def test_ask(quire, facts):
    fact, question = pdfs.FACTS[2]
    out, _ = quire("ask", question, "--store", facts.store)
    answer, sources = out.split("\n\n[", 1)
    mark = re.search(rf"{re.escape(fact)}” \[(\d+)\]", answer).group(1)
    assert re.search(rf"^\[?{mark}\] facts.pdf, page {facts.pages[2]}$", sources, re.M)
    assert fact not in sources   # the answer is that quote already
    assert quire("ask", "--store", facts.store, stdin=question + "\n")[0] == out
    assert "no question" in quire("ask", stdin="", status=USAGE)[1]
    told = quire.json("ask", question, "--store", "facts", "--results", 3)
    assert told["object"] == "response" and told["status"] == "completed" and told["quire"]["by"] == "extractive"
    text = told["output"][1]["content"][0]
    assert fact in text["text"] and text["annotations"][0]["page"] == facts.pages[2]


def test_ask_what_the_documents_do_not_say(quire, facts, store):
    question = "What is the melting point of tungsten carbide?"
    out, _ = quire("ask", question, "--store", facts.store, status=NOTHING)
    assert out.startswith("The documents do not say.")
    assert quire.json("ask", question, "--store", store, status=NOTHING)["quire"]["declined"]
    assert "no store nowhere" in quire("ask", "q", "--store", "nowhere", status=NOT_FOUND)[1]
    assert quire.json("ask", " ", "--store", store, status=REFUSED)["error"]["message"]


def test_ask_on(quire, facts):
    first = quire.json("ask", pdfs.FACTS[0][1], "--store", facts.store)
    second = quire.json("ask", "Of what stone?", "--store", facts.store, "--previous", first["id"])
    assert second["previous_response_id"] == first["id"]
    assert "granite" in second["output"][1]["content"][0]["text"]
    for unknown in ("resp_none", "x" * 1000, "../files", ""):
        quire("ask", "q", "--previous", unknown, status=NOT_FOUND if unknown else USAGE)


def test_ask_one_after_another(quire, facts):
    terminal = Terminal(quire, "ask", "--store", facts.store).wait_for("> ")
    terminal.type(pdfs.FACTS[0][1] + "\n")
    terminal.wait_for("facts.pdf, page 1")
    wait_until(lambda: terminal.text.endswith("> \x1b[0m"), PATIENCE_S, "it to ask for the next question")
    said = len(terminal.text)
    terminal.type("Of what stone?\n")
    wait_until(lambda: terminal.text.endswith("> \x1b[0m") and len(terminal.text) > said + 50, PATIENCE_S,
               "the second answer")
    assert "granite" in terminal.text[said:]
    terminal.type("\x04")   # the end of the input
    terminal.end()
    terminal = Terminal(quire, "ask", "--store", facts.store).wait_for("> ")
    terminal.type("\x03")
    terminal.end(status=-signal.SIGINT)


@pytest.fixture(scope="module")
def written():
    """A service whose answers a scripted language model writes, with a file of facts."""
    class Written:
        llm = FakeLLM()
        service = _new_service(settings={"LLM_BASE_URL": llm.url, "LLM_MODEL": "fake-model",
                                         "QUIRE_LLM_FIRST_MS": 60000, "QUIRE_LLM_SILENCE_MS": 60000})
    try:
        Written.service.start().wait_ready()
        texts, Written.pages = pdfs.fact_pages(20)
        Written.service.add(pdfs.text_book(texts, "Facts of the coast").pdf(), "facts.pdf", "default")
        Written.quire = Quire(Written.service.build, Written.service.url)
        yield Written
    finally:
        Written.service.close()
        Written.llm.close()


def test_an_answer_of_a_language_model(written):
    written.llm.will(says("It was built in 1874 ", '[1: "built of grey granite in 1874"]. It is haunted.'))
    out, err = written.quire("ask", pdfs.FACTS[0][1])
    answer, sources, rest = out.split("\n\n")
    assert answer == "It was built in 1874 [1]. It is haunted."
    assert sources == f"[1] facts.pdf, page {written.pages[0]}\n    built of grey granite in 1874"
    assert rest == "No quote supports:\n    It is haunted.\n" and err == ""


def test_a_language_model_in_trouble(written):
    written.llm.will(fails(402))
    out, err = written.quire("ask", pdfs.FACTS[0][1])
    assert pdfs.FACTS[0][0] in out and err.startswith("quire: ") and len(err) > 20
    assert written.quire.json("ask", pdfs.FACTS[0][1])["quire"]["by"] == "extractive"


def test_an_answer_is_seen_as_it_comes_and_ended_by_ctrl_c(written):
    done = threading.Event()

    def play(connection):
        connection.head()
        connection.send(chunk("The first words, "))
        connection.await_hangup()
        done.set()
    written.llm.will(play)
    terminal = Terminal(written.quire, "ask", pdfs.FACTS[0][1]).wait_for("The first words")
    assert not done.is_set()
    terminal.type("\x03")
    terminal.end(status=-signal.SIGINT)
    assert done.wait(PATIENCE_S)   # nobody pays for an answer that nobody reads
    assert not written.llm.failures


def test_an_answer_that_breaks_off(written):
    """The service dies with the words on their way."""
    def play(connection):
        connection.head()
        connection.send(chunk("The first words, "))
        connection.await_hangup()
    written.llm.will(play)
    child = written.quire.start("ask", pdfs.FACTS[0][1])
    assert child.stdout.read(len("The first words")) == "The first words"
    written.service.processes["gateway"].kill()
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == AWAY and "broke" in err
    written.service.restart_dead()
    written.service.wait_ready()
    written.llm.will(lambda connection: (connection.head(), connection.send(stream("Done."))))
    assert "Done." in written.quire("ask", pdfs.FACTS[0][1])[0]


# -- keys -----------------------------------------------------------------------------------------

def test_keys(new_service, tmp_path):
    service = new_service(settings={"QUIRE_API_KEYS": "right-key"}).start().wait_ready()
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    (tmp_path / "key").write_text("right-key\n")
    for variables in ({}, {"QUIRE_API_KEY": "wrong-key"}):
        quire = Quire(service.build, service.url, **variables)
        for line in (["files"], ["status"], ["search", "q"], ["add", pdf], ["rm", "x"]):
            out, err = quire(*line, status=NOT_ALLOWED)
            assert "QUIRE_API_KEY" in err and "-key" not in err
    for variables in ({"QUIRE_API_KEY": "right-key"}, {"QUIRE_API_KEY_FILE": str(tmp_path / "key")}):
        quire = Quire(service.build, service.url, **variables)
        quire("add", pdf)
        assert quire.json("status")["files"] == 1
    quire = Quire(service.build, service.url, QUIRE_API_KEY="two\nlines")
    assert "lines" not in quire("status", status=USAGE)[1]
    quire = Quire(service.build, service.url, QUIRE_API_KEY_FILE=str(tmp_path / "none"))
    assert "can't be read" in quire("status", status=USAGE)[1]


# -- trouble --------------------------------------------------------------------------------------

def test_a_service_that_is_busy_is_waited_for(new_service, tmp_path):
    """Without its job board the service refuses uploads with 503 and Retry-After."""
    service = new_service().start().wait_ready()
    write_pdf(tmp_path, "a.pdf", 1)
    write_pdf(tmp_path, "b.pdf", 2)
    service.processes["redis"].kill()
    service.wait_missing("redis")
    quire = Quire(service.build, service.url)
    terminal = Terminal(quire, "add", tmp_path).wait_for("waiting")
    service.restart_dead()
    assert "2 added." in terminal.end()
    assert sorted(file["filename"] for file in service.http.get("/v1/files").json()["data"]) == ["a.pdf", "b.pdf"]


def test_a_file_that_is_too_large(new_service, tmp_path):
    """It is refused once, and the others go on."""
    service = new_service(settings={"QUIRE_GATEWAY_MAX_UPLOAD_MB": 1}).start().wait_ready()
    write_pdf(tmp_path, "a.pdf", 1)
    for name, megabytes in (("little.pdf", 2), ("much.pdf", 60)):
        (tmp_path / name).write_bytes(os.urandom(1 << 20) * megabytes)
    errors = ("quire_http_errors_total", "gateway")
    before = service.metrics()[errors]
    out, err = Quire(service.build, service.url)("add", tmp_path, status=SOME_FAILED)
    assert out.count("\n") == 1 and err.count("The body is larger") == 2, err
    assert service.metrics()[errors] - before == 2


def test_patience_has_an_end(new_service, tmp_path):
    service = new_service().start().wait_ready()
    service.processes["redis"].kill()
    service.wait_missing("redis")
    quire = Quire(service.build, service.url)
    out, err = quire("add", write_pdf(tmp_path, "a.pdf", 1), "--patience", 1, status=SOME_FAILED)
    assert out == "" and "a.pdf: The job board" in err
    service.restart_dead()


def test_a_service_that_is_restarted_is_waited_for(new_service, tmp_path):
    service = new_service(roles=[role for role in ROLES if role != "extractor"]).start()
    service.wait_missing("extractor")
    quire = Quire(service.build, service.url)
    child = quire.start("add", write_pdf(tmp_path, "a.pdf", 1), "--json")
    wait_until(lambda: names_in(service, "default"), PATIENCE_S, "the file to be there")
    service.processes["gateway"].kill()
    # In its place somebody who hangs up, until quire has looked for its file in vain.
    with socket.create_server(("127.0.0.1", service.port)) as server:
        server.settimeout(PATIENCE_S)
        request = b""
        while not request.startswith(b"GET /v1/files/file-"):
            peer, _ = server.accept()
            request = peer.recv(65536)
            peer.close()
    service.restart_dead()
    service.start_role("extractor")
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == OK, err
    assert json.loads(out)["file"]["state"] == "completed"


def test_a_service_that_stays_away_ends_it(new_service, tmp_path):
    service = new_service(roles=[role for role in ROLES if role != "extractor"]).start()
    service.wait_missing("extractor")
    quire = Quire(service.build, service.url)
    for number in range(3):
        write_pdf(tmp_path, f"{number}.pdf", number)
    child = quire.start("add", tmp_path, "--patience", 2)
    wait_until(lambda: len(names_in(service, "default")) == 3, PATIENCE_S, "the files to be there")
    service.processes["gateway"].kill()
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == AWAY and out == ""
    assert err.count("There is no Quire at") + err.count("broke") == 3 and "3 failed." in err


class CutAnswer:
    """A door before a service that cuts the connection when the first upload is answered."""

    def __init__(self, port):
        self.port = port
        self.cuts = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        behind = socket.create_connection(("127.0.0.1", self.port))
        cut = threading.Event()

        def forward():
            try:
                while data := peer.recv(65536):
                    if data.startswith(b"POST /v1/files ") and self.cuts == 0:
                        self.cuts = 1
                        cut.set()
                    behind.sendall(data)
                behind.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        threading.Thread(target=forward, daemon=True).start()
        try:
            while data := behind.recv(65536):
                if cut.is_set():
                    break   # the service has it, and nobody hears of it
                peer.sendall(data)
        except OSError:
            pass
        for end in (peer, behind):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def test_an_upload_whose_answer_is_lost_is_not_sent_twice(service, store, clean, tmp_path):
    door = CutAnswer(service.port)
    quire = Quire(service.build, door.url)
    pdf = write_pdf(tmp_path, "cut.pdf", 1)
    line, = quire.lines("add", pdf, "--store", store)
    door.close()
    assert door.cuts == 1 and line["outcome"] == "added"
    files = [file for file in service.http.get("/v1/files").json()["data"] if file["filename"] == "cut.pdf"]
    assert [file["id"] for file in files] == [line["file"]["id"]]


def test_interrupted_while_it_waits(new_service, tmp_path):
    service = new_service(roles=[role for role in ROLES if role != "extractor"]).start()
    service.wait_missing("extractor")
    quire = Quire(service.build, service.url)
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    terminal = Terminal(quire, "add", pdf).wait_for("queued")
    terminal.type("\x03")
    text = terminal.end(status=-signal.SIGINT)
    assert "Interrupted: 1 still being read by the service." in text
    assert service.http.get("/v1/files").json()["data"][0]["filename"] == "a.pdf"
    # A shell sees 130.
    shell = subprocess.Popen(["sh", "-c", f"trap : INT; {quire.program} add {pdf}; echo status $?"],
                             env=quire.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             start_new_session=True)
    children = Path(f"/proc/{shell.pid}/task/{shell.pid}/children")
    wait_until(children.read_text, PATIENCE_S, "the shell to have a child")
    child = int(children.read_text().split()[0])
    wait_until(lambda: _catches(child, signal.SIGINT), PATIENCE_S, "quire to wait for Ctrl-C")
    os.kill(child, signal.SIGINT)
    assert "status 130" in shell.communicate(timeout=PATIENCE_S)[0]


def _catches(pid, number):
    """Is the process quire by now, and has it a handler for the signal?"""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*(\w+)", status, re.M).group(1)
    return status.startswith("Name:\tquire\n") and int(caught, 16) >> (number - 1) & 1


def test_interrupted_while_it_sends(quire, service, store, tmp_path):
    """A server that takes nothing: what was begun is given up, and nothing of it stays."""
    silent = socket.create_server(("127.0.0.1", 0))
    pdf = write_pdf(tmp_path, "a.pdf", 1)
    quire.environment["QUIRE_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
    child = quire.start("add", pdf)
    peer, _ = silent.accept()   # it has begun to ask
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == -signal.SIGINT and "nterrupted" in err and out == ""
    assert time.monotonic() - began < PATIENCE_S / 2
    peer.close()
    silent.close()

"""HTTP by hand: requests as bytes, right or wrong, on connections of the test's own."""

import http.client
import json
import socket

PATIENCE_S = 60
BOUNDARY = "----boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def connect(service):
    return socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_S)


def exchange(service, request):
    """Sends raw bytes. Returns the answer's status and body; status None when it was only closed."""
    with connect(service) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass   # it has answered and closed before it read everything
        return read_answer(connection)


def read_answer(connection):
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
        return answer.status, answer.read()
    except (http.client.HTTPException, ConnectionError):
        return None, b""


def is_error_body(body, code=None):
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    if code:
        assert error["code"] == code, error


def post(path, body, content_type, length=None):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


def multipart(*parts):
    """A multipart body of (disposition, content) parts."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
        + content + b"\r\n" for disposition, content in parts)
    return body + f"--{BOUNDARY}--\r\n".encode()

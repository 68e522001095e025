"""The viewer's server: this machine only, and only for who has the address that was printed."""

import hmac
import json
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from r1data.report.asking import Viewer
from r1data.report.opening import Rows
from r1data.report.page import page
from r1data.report.reviews import LONGEST_NOTE, MARKS, agreement

MOST_ROWS = 200
MOST_BODY = 64_000
# Pictures are JPEG in our tables; others' sets hold what they hold, and the browser looks itself.
KINDS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"RI": "image/webp", b"GI": "image/gif"}


class Server(ThreadingHTTPServer):
    """Serves one viewer under one secret path."""

    daemon_threads = True

    def __init__(self, viewer: Viewer, port: int) -> None:
        self.viewer = viewer
        self.token = secrets.token_urlsafe(18)
        super().__init__(("127.0.0.1", port), Answer)

    @property
    def address(self) -> str:
        """Where the page is, with its secret."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> set[str]:
        """Names under which a browser may know this server.

        A page elsewhere whose name suddenly leads here (DNS rebinding) sends its own name.
        """
        return {f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"}


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the page, a list of rows, a row or a picture."""
        self.reply(self.wanted)

    def do_POST(self) -> None:
        """Take a mark."""
        self.reply(self.marked)

    def reply(self, find: Callable[[list[str]], tuple[str, bytes]]) -> None:
        """Check who asks, then answer; what does not exist, or is not theirs, is just not found."""
        parts = urlsplit(self.path).path.split("/")[1:]
        secret = parts[0].encode() if parts else b""
        known = hmac.compare_digest(secret, self.server.token.encode())
        if not known or self.headers.get("Host") not in self.server.hosts:
            self.close_connection = True
            self.send(HTTPStatus.FORBIDDEN, "text/plain", b"use the address that r1data printed\n")
            return
        try:
            kind, body = find(parts[1:])
        except (LookupError, ValueError):
            self.close_connection = True
            self.send(HTTPStatus.NOT_FOUND, "text/plain", b"there is no such thing here\n")
            return
        self.send(HTTPStatus.OK, kind, body)

    def wanted(self, parts: list[str]) -> tuple[str, bytes]:
        """Return what a path stands for."""
        viewer = self.server.viewer
        if parts == [""]:
            return "text/html; charset=utf-8", viewer_page(viewer).encode()
        if parts == ["rows"]:
            asked = dict(parse_qsl(urlsplit(self.path).query))
            many = min(MOST_ROWS, int(asked.get("many", 50)))
            return packed(viewer.page(asked, max(0, int(asked.get("offset", 0))), max(1, many)))
        if parts[:1] == ["row"] and len(parts) == 2:
            return packed(viewer.story(parts[1]))
        if parts == ["agreement"]:
            return packed([each._asdict() for each in agreement(viewer.reviews.marks)])
        if parts[:1] == ["frame"] and len(parts) == 4:
            return picture(self.rows(parts[1], parts[2]).picture(int(parts[2]), int(parts[3])))
        if parts[:1] == ["cover"] and len(parts) == 3:
            return picture(self.rows(parts[1], parts[2]).cover(int(parts[2])))
        raise LookupError(self.path)

    def rows(self, side: str, position: str) -> Rows:
        """Return one of the two sets, where it has such a row."""
        found = {"a": self.server.viewer.rows, "b": self.server.viewer.other}[side]
        if found is None or not 0 <= int(position) < found.index.height:
            raise LookupError(position)
        return found

    def marked(self, parts: list[str]) -> tuple[str, bytes]:
        """Append a mark; only a page of this server may ask for it."""
        origin = self.headers.get("Origin")
        allowed = {f"http://{host}" for host in self.server.hosts}
        length = int(self.headers.get("Content-Length") or 0)
        if parts != ["review"] or origin not in allowed or not 0 < length <= MOST_BODY:
            raise LookupError(self.path)
        asked = json.loads(self.rfile.read(length))
        if asked.get("mark") not in MARKS:
            raise ValueError("mark")
        viewer = self.server.viewer
        story = viewer.story(str(asked["at"]))
        state = story["dropped"]["reason"] if story["dropped"] else "kept"
        note = str(asked.get("note") or "")[:LONGEST_NOTE]
        return packed(viewer.reviews.add(story["id"], asked["mark"], note, state, story["type"]))

    def send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        """Send an answer that no other page may read, frame or guess the kind of."""
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "private, max-age=600" if kind.startswith("image/") else "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a line a picture would bury what matters."""


def picture(found: bytes | None) -> tuple[str, bytes]:
    """Return one picture; an empty answer where there is none, which is no fault of the page."""
    if not found:
        return "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    return KINDS.get(found[:2], "application/octet-stream"), found


def packed(value: Any) -> tuple[str, bytes]:
    """Return JSON."""
    return "application/json", json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def viewer_page(viewer: Viewer) -> str:
    """Return the page of the viewer; rows are asked for by the page."""
    about = viewer.about()
    about["reviews"] = str(viewer.reviews.path)
    return page(f"{about['names'][0]}: rows", about, "viewer.js", served=True)


def serve(viewer: Viewer, port: int, told: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `told` gets the address."""
    with Server(viewer, port) as server:
        told(server.address)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            sys.stderr.write("\n")

"""A stand-in for the Hugging Face Hub, and for any web server: real sockets, real HTTP, no network.

The unmodified huggingface_hub and datasets talk to it. They read HF_ENDPOINT when they are
imported, so a test runs its client in a process of its own, with `hub.environment()`:

    with Hub() as hub:
        hub.commit("me/set", {"README.md": b"# set", "data/a.parquet": data})
        hub.files["/clips/a.mp4"] = clip                  # plain HTTP at f"{hub.url}/clips/a.mp4"
        hub.faults.append(Fault("GET", "/clips/", drop_after=1000, times=2))
        subprocess.run([sys.executable, "-c", ...], env={**os.environ, **hub.environment()})
        assert hub.sent("/clips/a.mp4") < 2 * len(clip)

Bodies of large files are served under another host name, as on the real Hub: its clients follow
redirects to the same host without asking for metadata, and must not send the token along.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".parquet", ".mp4", ".zip", ".tar", ".gz", ".arrow", ".bin", ".webm", ".jpg", ".png")
# The Hub stores larger files as LFS whatever their names.
LARGE_BYTES = 10_000_000
PAGE = 1000


@dataclass
class Fault:
    """What goes wrong with requests whose method and path match, `times` times after `skip`.

    status: answer that instead (with Retry-After where `retry_after` is set). drop_after: close the
    connection after so many bytes of the body; 0 closes it before anything is answered. wrong: flip
    bytes, same size. lost: do the work and close without an answer. wait: seconds before answering.
    """

    method: str
    path: str
    status: int | None = None
    drop_after: int | None = None
    wrong: bool = False
    lost: bool = False
    wait: float = 0.0
    retry_after: int | None = None
    skip: int = 0
    times: int = 1

    def strikes(self, method: str, path: str) -> bool:
        if self.method not in (method, "*") or not re.search(self.path, path) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass(frozen=True)
class Request:
    """One line of the log; `sent` counts the bytes of the reply's body, `got` of the request's."""

    method: str
    host: str
    path: str
    token: str | None
    range: str | None
    status: int
    sent: int
    got: int


@dataclass
class Commit:
    files: dict[str, str]  # path -> sha256
    parent: str | None
    title: str
    description: str = ""


@dataclass
class Repo:
    """A repository; a gated one lets known tokens in, one gated "manual" only writers."""

    kind: str = "datasets"
    private: bool = False
    gated: str | bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, set[str]] = field(default_factory=dict)  # revision -> paths stored as LFS

    def find(self, revision: str) -> str | None:
        if revision in self.commits:
            return revision
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        return self.branches.get(name) or self.tags.get(name)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(LARGE) or size > LARGE_BYTES)


class Hub:
    """The server on a thread; use as a context manager."""

    def __init__(self, tokens: Mapping[str, str] | None = None, part_bytes: int = 0) -> None:
        self.tokens = dict(tokens or {"hf_write": "write", "hf_read": "read"})
        self.user = "me"
        self.part_bytes = part_bytes  # LFS files above this size are sent in parts; 0: never
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.files: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.log: list[Request] = []
        self.lock = threading.RLock()

    def __enter__(self) -> "Hub":
        bound = type("Bound", (Handler,), {"hub": self})
        self.server = Server(("127.0.0.1", 0), bound)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cdn(self) -> str:
        return f"http://localhost:{self.port}/cdn"

    def environment(self, token: str | None = "hf_write") -> dict[str, str]:
        """What a client's process needs; an empty HF_HOME should be added by the test."""
        names = {
            "HF_ENDPOINT": self.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
        }
        return names | {"HF_TOKEN": token} if token else names

    def commit(
        self,
        name: str,
        files: Mapping[str, bytes | None],
        *,
        kind: str = "datasets",
        title: str = "commit",
    ) -> str:
        """Commit files from the test's side (None deletes one); makes the repository; its oid."""
        with self.lock:
            repo = self.repos.setdefault(name, Repo(kind))
            head = repo.branches.get("main")
            tree = dict(repo.commits[head].files) if head else {}
            for path, data in files.items():
                if data is None:
                    tree.pop(path, None)
                else:
                    tree[path] = sha256(data)
                    self.objects[tree[path]] = data
            return self.add_commit(repo, "main", tree, title)

    def add_commit(self, repo: Repo, branch: str, tree: dict[str, str], title: str) -> str:
        parent = repo.branches.get(branch)
        text = json.dumps([parent, tree, title, len(repo.commits)], sort_keys=True)
        oid = hashlib.sha1(text.encode()).hexdigest()
        repo.commits[oid] = Commit(tree, parent, title)
        repo.branches[branch] = oid
        return oid

    def tree(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """The files of a revision, path -> content."""
        repo = self.repos[name]
        oid = repo.find(revision)
        assert oid, f"{name} has no revision {revision}"
        return {path: self.objects[key] for path, key in repo.commits[oid].files.items()}

    def sent(self, path: str) -> int:
        """Bytes of bodies sent for paths that contain `path`."""
        return sum(each.sent for each in self.log if path in each.path)

    def struck(self, method: str, path: str) -> Fault | None:
        with self.lock:
            return next((each for each in self.faults if each.strikes(method, path)), None)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Killed clients are what the tests are about: their broken pipes are no news."""


class Stop(Exception):
    """Ends a request with a status and a message."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every request costs 45 ms

    def log_message(self, format: str, *args: Any) -> None:
        """The log is `hub.log`."""

    def do_GET(self) -> None:
        self.route()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def route(self) -> None:
        target = urlsplit(self.path)
        self.query = parse_qs(target.query, keep_blank_values=True)
        self.where = unquote(target.path)
        self.body = self.read_body()
        self.fault = self.hub.struck(self.command, self.where)
        if self.fault and self.fault.wait:
            time.sleep(self.fault.wait)
        if self.fault and self.fault.drop_after == 0:
            return self.drop()
        if self.fault and self.fault.status:
            extra = (
                {} if self.fault.retry_after is None else {"Retry-After": self.fault.retry_after}
            )
            return self.reply(self.fault.status, b'{"error":"told to fail"}', extra)
        try:
            self.answer()
        except Stop as stop:
            headers = {"X-Error-Message": stop.message}
            if stop.code:
                headers["X-Error-Code"] = stop.code
            self.reply(stop.status, json.dumps({"error": stop.message}).encode(), headers)

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.read_exactly(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.read_exactly(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def read_exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:  # the client was killed: a cut body must never count as whole
            raise ConnectionError("the client went away")
        return data

    def drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def reply(self, status: int, body: bytes, headers: Mapping[str, Any] | None = None) -> None:
        fault = self.fault
        if fault and fault.lost:
            return self.drop()
        if fault and fault.wrong and body:
            body = bytes(byte ^ 1 for byte in body[:64]) + body[64:]
        given = {"Content-Length": len(body), "Content-Type": "application/json", **(headers or {})}
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name, str(value))
        self.end_headers()
        cut = fault.drop_after if fault else None
        sent = b"" if self.command == "HEAD" else body[:cut] if cut is not None else body
        self.note(status, len(sent))
        self.wfile.write(sent)
        if cut is not None:
            self.wfile.flush()
            self.drop()
        return None

    def note(self, status: int, sent: int) -> None:
        host = str(self.headers.get("Host", "")).partition(":")[0]
        span = self.headers.get("Range")
        line = Request(
            self.command, host, self.where, self.token(), span, status, sent, len(self.body)
        )
        with self.hub.lock:
            self.hub.log.append(line)

    def json(self, value: Any, headers: Mapping[str, Any] | None = None) -> None:
        self.reply(200, json.dumps(value).encode(), headers)

    def payload(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")

    # Who asks

    def token(self) -> str | None:
        given = self.headers.get("Authorization", "")
        return given.removeprefix("Bearer ") if given.startswith("Bearer ") else None

    def role(self) -> str | None:
        return self.hub.tokens.get(self.token() or "")

    def must_write(self) -> None:
        if self.role() is None:
            raise Stop(401, "Invalid credentials in Authorization header")
        if self.role() != "write":
            raise Stop(403, "you do not have the right to write with this token")

    def repo(self, name: str, content: bool = False) -> Repo:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self.role() is None):
            raise Stop(404 if self.role() else 401, "Repository not found", "RepoNotFound")
        if content and repo.gated and self.token() not in self.hub.tokens:
            raise Stop(401, f"Access to dataset {name} is restricted", "GatedRepo")
        if content and repo.gated == "manual" and self.role() != "write":
            raise Stop(403, f"Access to dataset {name} awaits approval", "GatedRepo")
        return repo

    def commit_of(self, repo: Repo, revision: str) -> tuple[str, Commit]:
        oid = repo.find(revision)
        if oid is None:
            raise Stop(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return oid, repo.commits[oid]

    # Routes

    def answer(self) -> None:
        if self.where in self.hub.files:
            return self.content(self.hub.files[self.where])
        if self.where.startswith("/cdn/"):
            return self.content(self.hub.objects[self.where.removeprefix("/cdn/")])
        for pattern, name in ROUTES:
            match = pattern.fullmatch(self.where)
            if match:
                with self.hub.lock:
                    return getattr(self, name)(**match.groupdict())
        raise Stop(404, f"no such page: {self.command} {self.where}", "EntryNotFound")

    def content(self, data: bytes, headers: Mapping[str, Any] | None = None) -> None:
        """A whole file, or the range that is asked for."""
        tag = f'"{sha256(data)}"'
        common = {"Accept-Ranges": "bytes", "ETag": tag, **(headers or {})}
        common["Content-Type"] = "application/octet-stream"
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if not asked or self.headers.get("If-Range") not in (None, tag):
            return self.reply(200, data, common)
        first, last = asked.groups()
        start = int(first) if first else max(0, len(data) - int(last))
        stop = min(len(data), int(last) + 1) if first and last else len(data)
        if start >= len(data):
            return self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        common["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return self.reply(206, data[start:stop], common)

    def whoami(self) -> None:
        role = self.role()
        if role is None:
            raise Stop(401, "Invalid credentials in Authorization header")
        token = {"displayName": "t", "role": role}
        auth = {"type": "access_token", "accessToken": token}
        self.json({"type": "user", "name": self.hub.user, "orgs": [{"name": "org"}], "auth": auth})

    def validate_yaml(self) -> None:
        self.json({"errors": [], "warnings": []})

    def create(self) -> None:
        self.must_write()
        asked = self.payload()
        name = f"{asked.get('organization') or self.hub.user}/{asked['name']}"
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repos:
            return self.reply(409, json.dumps({"error": "exists", "url": url}).encode())
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        repo = Repo(f"{asked.get('type', 'model')}s", private)
        self.hub.repos[name] = repo
        self.hub.objects[sha256(b"*.parquet filter=lfs\n")] = b"*.parquet filter=lfs\n"
        first = {".gitattributes": sha256(b"*.parquet filter=lfs\n")}
        self.hub.add_commit(repo, "main", first, "initial commit")
        return self.json({"url": url, "name": name})

    def delete(self) -> None:
        self.must_write()
        asked = self.payload()
        self.hub.repos.pop(f"{asked.get('organization') or self.hub.user}/{asked['name']}")
        self.json({})

    def settings(self, name: str) -> None:
        self.must_write()
        repo, asked = self.repo(name), self.payload()
        if "visibility" in asked:
            repo.private = asked["visibility"] == "private"
        repo.private = asked.get("private", repo.private)
        repo.gated = asked.get("gated", repo.gated)
        self.json({"private": repo.private, "gated": repo.gated})

    def info(self, name: str, rev: str = "main") -> None:
        repo = self.repo(name)
        oid, commit = self.commit_of(repo, rev)
        blobs = "blobs" in self.query
        files = [self.sibling(path, key, blobs) for path, key in sorted(commit.files.items())]
        common = {"id": name, "sha": oid, "private": repo.private, "gated": repo.gated}
        self.json({**common, "disabled": False, "tags": [], "downloads": 0, "siblings": files})

    def sibling(self, path: str, key: str, blobs: bool) -> dict[str, Any]:
        entry = self.entry(path, key)
        if not blobs:
            return {"rfilename": path}
        lfs = entry.get("lfs")
        return {"rfilename": path, "size": entry["size"], "blobId": entry["oid"]} | (
            {"lfs": {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": 134}} if lfs else {}
        )

    def entry(self, path: str, key: str) -> dict[str, Any]:
        data = self.hub.objects[key]
        made = {"type": "file", "path": path, "size": len(data)}
        if not is_large(path, len(data)):
            return {**made, "oid": git_sha(data)}
        pointer = git_sha(f"oid sha256:{key}".encode())
        return {**made, "oid": pointer, "lfs": {"oid": key, "size": len(data), "pointerSize": 134}}

    def folders(self, files: Mapping[str, str]) -> set[str]:
        return {"/".join(p.split("/")[:i]) for p in files for i in range(1, p.count("/") + 1)}

    def listing(self, name: str, rev: str, path: str | None = None) -> None:
        repo = self.repo(name)
        oid, commit = self.commit_of(repo, rev)
        folders = self.folders(commit.files)
        if path and path not in folders:
            raise Stop(404, f"{path} does not exist on {rev}", "EntryNotFound")
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        start = f"{path}/" if path else ""
        entries = [self.entry(p, k) for p, k in commit.files.items()]
        entries += [{"type": "directory", "path": p, "size": 0, "oid": oid} for p in folders]
        below = [e for e in sorted(entries, key=lambda e: e["path"]) if e["path"].startswith(start)]
        found = [e for e in below if deep or "/" not in e["path"][len(start) :]]
        at = int(self.query.get("cursor", ["0"])[0])
        headers = {}
        if len(found) > at + PAGE:
            more = f"{self.hub.url}{urlsplit(self.path).path}?recursive={deep}&cursor={at + PAGE}"
            headers["Link"] = f'<{more}>; rel="next"'
        self.json(found[at : at + PAGE], headers)

    def paths_info(self, name: str, rev: str) -> None:
        _, commit = self.commit_of(self.repo(name), rev)
        form = parse_qs(self.body.decode())
        is_json = self.body.startswith(b"{")
        asked = self.payload()["paths"] if is_json else form.get("paths", [])
        folders = self.folders(commit.files)
        found = [self.entry(p, commit.files[p]) for p in asked if p in commit.files]
        found += [{"type": "directory", "path": p, "oid": "0"} for p in asked if p in folders]
        self.json(found)

    def refs(self, name: str) -> None:
        repo = self.repo(name)
        self.json(
            {
                "branches": references("heads", repo.branches),
                "tags": references("tags", repo.tags),
                "converts": [],
            }
        )

    def history(self, name: str, rev: str) -> None:
        repo = self.repo(name)
        oid: str | None = self.commit_of(repo, rev)[0]
        found = []
        while oid:
            commit = repo.commits[oid]
            when = "2026-01-01T00:00:00.000Z"
            found.append({"id": oid, "title": commit.title, "message": "", "date": when})
            found[-1]["authors"] = []
            oid = commit.parent
        self.json(found)

    def tag(self, name: str, rev: str) -> None:
        self.must_write()
        repo = self.repo(name)
        if self.command == "DELETE":
            repo.tags.pop(rev)
            return self.json({})
        tag = self.payload()["tag"]
        if tag in repo.tags:
            raise Stop(409, f"Tag {tag} already exists")
        repo.tags[tag] = self.commit_of(repo, rev)[0]
        return self.json({})

    def branch(self, name: str, rev: str) -> None:
        self.must_write()
        repo = self.repo(name)
        if rev in repo.branches:
            raise Stop(409, f"Branch {rev} already exists")
        start = self.payload().get("startingPoint") or "main"
        repo.branches[rev] = self.commit_of(repo, start)[0]
        self.json({})

    # Uploads

    def preupload(self, name: str, rev: str) -> None:
        self.must_write()
        repo = self.repo(name)
        _, commit = self.commit_of(repo, rev)
        found = []
        for each in self.payload()["files"]:
            path = each["path"]
            large = is_large(path, each["size"])
            old = commit.files.get(path)
            oid = old if old is None or large else git_sha(self.hub.objects[old])
            mode = "lfs" if large else "regular"
            found.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.json({"files": found})

    def batch(self, name: str) -> None:
        self.must_write()
        self.repo(name)
        objects = []
        for each in self.payload()["objects"]:
            oid, size = each["oid"], each["size"]
            objects.append({"oid": oid, "size": size})
            if oid not in self.hub.objects:
                verify = {"href": f"{self.hub.url}/lfs/verify"}
                objects[-1]["actions"] = {"upload": self.place(oid, size), "verify": verify}
        self.json({"transfer": "basic", "objects": objects})

    def place(self, oid: str, size: int) -> dict[str, Any]:
        step = self.hub.part_bytes
        if not step or size <= step:
            return {"href": f"{self.hub.url}/lfs/put/{oid}"}
        count = -(-size // step)
        header = {f"{i:05d}": f"{self.hub.url}/lfs/part/{oid}/{i}" for i in range(1, count + 1)}
        whole = f"{self.hub.url}/lfs/complete/{oid}"
        return {"href": whole, "header": {"chunk_size": str(step), **header}}

    def lfs_put(self, oid: str) -> None:
        self.store(oid, self.body)

    def lfs_part(self, oid: str, number: str) -> None:
        self.hub.parts.setdefault(oid, {})[int(number)] = self.body
        self.reply(200, b"", {"ETag": f'"{sha256(self.body)}"'})

    def lfs_complete(self, oid: str) -> None:
        parts = self.hub.parts.pop(oid)
        self.store(oid, b"".join(parts[number] for number in sorted(parts)))

    def store(self, oid: str, data: bytes) -> None:
        if sha256(data) != oid:
            raise Stop(400, "the content is not what its hash says")
        self.hub.objects[oid] = data
        self.json({})

    def lfs_verify(self) -> None:
        if self.payload()["oid"] not in self.hub.objects:
            raise Stop(404, "no such object")
        self.json({})

    def commit(self, name: str, rev: str) -> None:
        self.must_write()
        repo = self.repo(name)
        head, commit = self.commit_of(repo, rev)
        lines = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        header = lines[0]["value"]
        if not head.startswith(header.get("parentCommit", head)):
            raise Stop(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(commit.files)
        for line in lines[1:]:
            self.apply(tree, line["key"], line["value"])
        oid = self.hub.add_commit(repo, rev, tree, header["summary"])
        repo.commits[oid].description = header.get("description", "")
        url = f"{self.hub.url}/datasets/{name}/commit/{oid}"
        self.json({"success": True, "commitOid": oid, "commitUrl": url})

    def apply(self, tree: dict[str, str], key: str, value: Mapping[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            data = base64.b64decode(value["content"])
            tree[path] = sha256(data)
            self.hub.objects[tree[path]] = data
        elif key == "lfsFile":
            if value["oid"] not in self.hub.objects:
                raise Stop(400, f"the object of {path} was never uploaded")
            tree[path] = value["oid"]
        elif key == "deletedFile":
            del tree[path]
        else:
            for each in [p for p in tree if p.startswith(path.rstrip("/") + "/")]:
                del tree[each]

    # Downloads

    def resolve(self, name: str, rev: str, path: str) -> None:
        repo = self.repo(name, content=True)
        oid, commit = self.commit_of(repo, rev)
        common = {"X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
        if path not in commit.files:
            self.fault = None
            headers = {**common, "X-Error-Code": "EntryNotFound", "X-Error-Message": "no entry"}
            return self.reply(404, b"Entry not found", headers)
        key = commit.files[path]
        data = self.hub.objects[key]
        if not is_large(path, len(data)):
            return self.content(data, {**common, "ETag": f'"{git_sha(data)}"'})
        linked = {"X-Linked-Etag": f'"{key}"', "X-Linked-Size": len(data)}
        return self.reply(302, b"", {**common, **linked, "Location": f"{self.hub.cdn}/{key}"})


def references(kind: str, found: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}
        for name, oid in found.items()
    ]


def routes() -> Iterator[tuple[re.Pattern[str], str]]:
    """In order: the first that matches answers."""
    name, rev = r"(?P<name>[^/]+/[^/]+)", r"(?P<rev>[^/]+|refs/[^/]+/[^/]+)"
    api = rf"/api/(?:datasets|models)/{name}"
    yield from (
        (re.compile(pattern), function)
        for pattern, function in [
            (r"/api/whoami-v2", "whoami"),
            (r"/api/validate-yaml", "validate_yaml"),
            (r"/api/repos/create", "create"),
            (r"/api/repos/delete", "delete"),
            (rf"{api}/settings", "settings"),
            (rf"{api}/preupload/{rev}", "preupload"),
            (rf"{api}/commit/{rev}", "commit"),
            (rf"{api}/commits/{rev}", "history"),
            (rf"{api}/refs", "refs"),
            (rf"{api}/tag/{rev}", "tag"),
            (rf"{api}/branch/{rev}", "branch"),
            (rf"{api}/paths-info/{rev}", "paths_info"),
            (rf"{api}/tree/{rev}(?:/(?P<path>.+))?", "listing"),
            (rf"{api}/revision/{rev}", "info"),
            (api, "info"),
            (rf"(?:/datasets)?/{name}\.git/info/lfs/objects/batch", "batch"),
            (r"/lfs/put/(?P<oid>\w+)", "lfs_put"),
            (r"/lfs/part/(?P<oid>\w+)/(?P<number>\d+)", "lfs_part"),
            (r"/lfs/complete/(?P<oid>\w+)", "lfs_complete"),
            (r"/lfs/verify", "lfs_verify"),
            (rf"(?:/datasets)?/{name}/resolve/{rev}/(?P<path>.+)", "resolve"),
        ]
    )


ROUTES = list(routes())

"""The promises of docs/security.md, each tried on real parts."""

import http.server
import os
import pickle
import re
import socket
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from endpoint import Endpoint, Server, completion
from packaging.requirements import Requirement

import r1data
from r1data.console import complain, say
from r1data.doctor import media_child
from r1data.errors import InputError, R1DataError, RecipeError, RowDrop, ShardFault
from r1data.grid import guard
from r1data.grid.answers import loads
from r1data.grid.guard import GuardCrash, Guarded
from r1data.media.fetch import Remote, fetch
from r1data.media.hub import entries_of
from r1data.media.web import get, shown
from r1data.places import PACKAGE
from r1data.recipe import load_recipe
from r1data.sources.catalogue import load_source

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux enforces it")
CALLS = "faults.media_calls"
# Begins a media child without any right of root's and with a thread: no kernel gives that one a
# network namespace. The number is _LINUX_CAPABILITY_VERSION_3.
NO_NAMESPACES = (
    "import ctypes, threading, time; number = ctypes.c_uint32; "
    "ctypes.CDLL(None).capset((number * 2)(0x20080522, 0), (number * 6)()); "
    "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
)
PASSWORD = "https://me:hunter2hunter2@example.org/x"


@pytest.fixture
def listener() -> Iterator[int]:
    """A port of this machine that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@LINUX
def test_the_media_child_has_no_network(listener: int) -> None:
    with Guarded(f"{CALLS}:connect") as call:
        told = call(listener, deadline=30)
    if told == "connected" and os.geteuid() != 0:
        pytest.skip("this kernel gives no network namespace to this user")
    assert told != "connected"


@LINUX
@pytest.mark.parametrize("refused", [False, True])
def test_the_doctor_says_what_the_media_child_can_do(
    listener: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if refused:  # as by a kernel that gives no namespaces: the child inherits the limits
        monkeypatch.setattr(guard, "CHILD", f"{NO_NAMESPACES}; {guard.CHILD}")
    with Guarded(f"{CALLS}:connect") as call:
        connected = call(listener, deadline=30) == "connected"
    found = media_child()
    assert found.state == ("note" if connected else "ok")
    assert connected == ("KEEPS THE NETWORK" in found.seen)
    assert connected or not refused
    for told in ("writes no file", "bounded memory", "bounded processor time"):
        assert f", {told}" in found.seen


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
def test_the_media_child_writes_no_file(tmp_path: Path) -> None:
    with Guarded(f"{CALLS}:write") as call, pytest.raises(OSError, match=r"[Ff]ile too large"):
        call(str(tmp_path / "out"), deadline=30)


@LINUX
def test_the_media_child_is_stopped_by_the_kernel_when_it_computes_for_ever() -> None:
    with Guarded(f"{CALLS}:spin_within") as call, pytest.raises(GuardCrash, match="SIGXCPU"):
        call(1, deadline=60)


def test_the_media_child_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-very-secret")
    with Guarded(f"{CALLS}:environment") as call:
        assert "sk-very-secret" not in str(call(deadline=30))


class Runs:
    """A pickle of this runs a command where it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch escape",)


def test_an_answer_of_the_media_child_cannot_run_anything() -> None:
    for value in (Runs(), ("done", Runs()), {"a": [Runs()]}, os.system, Path.unlink):
        with pytest.raises(pickle.UnpicklingError):
            loads(pickle.dumps(value))
    assert not Path("escape").exists()
    whole = ("done", [1, "a", b"b", Path("x"), RowDrop], RecipeError("x"))
    assert str(loads(pickle.dumps(whole))) == str(whole)


BOMB = "pipeline: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{other}'] * 9)}]\n"
    for other, one in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text, why",
    [
        (BOMB, "aliases stand for more than"),
        ("a: &a [*a]", "alias that holds itself"),
        ("[" * 100_000, "nested too deeply"),
        ("seed: " + "9" * 5000, "not valid YAML"),
        ("name: !!python/object/apply:os.system ['touch escape']", "not valid YAML"),
        ("x" * 5_000_000, "more than any recipe"),
    ],
    ids=["bomb", "self", "deep", "huge", "tag", "long"],
)
def test_a_hostile_recipe_is_refused_with_one_line(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=why):
        load_recipe(path)
    assert not Path("escape").exists()


def test_what_is_printed_can_neither_move_the_cursor_nor_turn_the_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "a\x1b[2Jb\x07c\u202ed\u2066e\x9bf\rg\tשלום\n"
    say(text)
    complain(R1DataError(text))
    out = "".join(capsys.readouterr())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out)
    assert "\\u001b[2J" in out and "\tשלום\n" in out


def test_a_link_in_the_media_folder_leads_nowhere_else(tmp_path: Path) -> None:
    from r1data.media.files import locate

    (tmp_path / "clips").mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "clips/in.mp4").write_bytes(b"mine")
    (tmp_path / "clips/out.mp4").symlink_to(tmp_path / "secret.mp4")
    (tmp_path / "clips/also.mp4").symlink_to(tmp_path / "clips/in.mp4")
    entry = {"path": "q.json", "media_root": str(tmp_path / "clips")}
    settings = {"entries": {"own": entry}, "media": str(tmp_path / "m"), "seed": 0}
    for name in ("out.mp4", "../secret.mp4", str(tmp_path / "secret.mp4")):
        with pytest.raises(RowDrop, match="outside the media folder"):
            locate("own", name, settings)
    assert locate("own", "also.mp4", settings).read_bytes() == b"mine"


class Endless(http.server.BaseHTTPRequestHandler):
    """Sends what no honest server would."""

    def do_GET(self) -> None:
        if "patience" in self.path:
            self.send_response(503)
            self.send_header("Retry-After", "9" * 400)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of such a server."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_body_without_an_end_fills_neither_memory_nor_disk(
    endless: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r1data.media.web.MOST_BODY", 1 << 20)
    with pytest.raises(InputError, match="sends more than"):
        get(f"{endless}/listing")
    with pytest.raises(RowDrop, match="bytes instead of 1,000"):
        fetch(Remote(f"{endless}/a.mp4", 1000), tmp_path / "a.mp4")
    monkeypatch.setattr("r1data.media.fetch.MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="without a size"):
        fetch(Remote(f"{endless}/b.mp4"), tmp_path / "b.mp4")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 4 << 20


def test_a_server_cannot_ask_for_patience_without_an_end(
    endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("r1data.media.web.time.sleep", waits.append)
    with pytest.raises(ShardFault):
        get(f"{endless}/patience")
    assert max(waits) <= 900


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a\\b", "a/../../b", "a\x00b", "C:/x", "a//b"])
def test_a_listing_cannot_name_a_file_outside(path: str) -> None:
    import json

    page = json.dumps([{"type": "file", "path": path, "size": 1, "oid": "0"}]).encode()
    with pytest.raises(InputError):
        entries_of(page, "me/set")
    for page in (b"[" * 100_000, b"7", b'[{"type": "file"}]', b"[1]"):
        with pytest.raises(InputError, match="not the Hub's"):
            entries_of(page, "me/set")


def test_an_address_with_a_password_is_refused_and_never_shown() -> None:
    assert shown(PASSWORD + "?X-Amz-Signature=abc") == "https://example.org/x"
    with pytest.raises(RecipeError, match="holds a password") as caught:
        load_source("nextqa", {"url": PASSWORD, "rows": 1})
    assert "hunter2" not in str(caught.value)


def test_neither_key_nor_picture_stands_in_any_file_or_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    key = "sk-live-0123456789abcdef"
    monkeypatch.setenv("MY_KEY", key)
    server = Server(lambda *_: completion("<think>It is so.</think><answer>A</answer>"), key=key)
    with Endpoint(server) as endpoint:
        lane = f"run.lanes=[{{url: '{endpoint.url}', key: $MY_KEY}}]"
        build = r1data.build(
            "demo", out=tmp_path / "b", engine="pool", workers=1,
            overrides=[lane, "sources.shapes.rows=4", "teacher.n=1", "teacher.model=m"],
        )  # fmt: skip
    assert server.requests >= 4
    told = "".join(capfd.readouterr())
    texts = [each for each in build.path.rglob("*") if each.suffix in {".json", ".jsonl", ".md"}]
    assert {"events.jsonl", "build.json"} <= {path.name for path in texts}
    for path in build.path.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
    for text in (told, *(path.read_text(encoding="utf-8") for path in texts)):
        assert key not in text
        assert "/9j/4AAQ" not in text, "a JPEG in base64"


FORBIDDEN = re.compile(
    r"(?<![.\w])(eval|exec)\(|pickle\.loads?\(|yaml\.(unsafe_load|full_load|load)\(|"
    r"torch\.load\((?!.*weights_only=True)|allow_pickle=True|os\.system|shell=True|marshal\.loads"
)
# Pipes between our own processes: the pool's, and calls on their way to the guarded child.
OWN_PIPES = {"grid/engines/pool.py", "grid/guard.py"}


def test_no_module_unpickles_or_evaluates_data() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).as_posix() not in OWN_PIPES
        for line in path.read_text(encoding="utf-8").splitlines()
        if FORBIDDEN.search(line)
    ]
    assert found == []


LOCK = PACKAGE.parent / "requirements/lock.txt"


def locked() -> dict[str, str]:
    """The versions of the lock file; the last of several for one name."""
    text = LOCK.read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


@pytest.mark.skipif(not LOCK.is_file(), reason="an installed wheel has no lock file")
def test_the_lock_file_holds_every_dependency_with_hashes_and_no_address() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text and "index-url" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in each for each in entries if not each.startswith("#"))
    try:
        needed = [Requirement(each) for each in requires("r1data") or ()]
    except PackageNotFoundError:
        pytest.skip("r1data is not installed")
    versions = locked()
    for each in needed:
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        assert name in versions, f"{name} is not locked: run `make lock`"
        assert each.specifier.contains(versions[name], prereleases=True), (each, versions[name])

"""Publishing to an object store, a real server of the S3 protocol: whole or not believed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from test_publish import files

import r1data
from r1data.building import Build
from r1data.errors import R1DataError
from r1data.release.publish import publish

TO = "s3://bucket/sets/mine"
# Has its imports behind it before it begins, so that a kill falls into publishing.
SENDS = """
import os, sys
import datasets, s3fs, pyarrow.parquet
from r1data.release.publish import publish
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        publish(line.strip(), to=sys.argv[1])
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The file system of the store, with one empty bucket."""
    import s3fs

    names = {"ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "mine", "DEFAULT_REGION": "us-east-1"}
    for name, value in {**names, "ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    s3fs.S3FileSystem.clear_instance_cache()
    found = s3fs.S3FileSystem(use_listings_cache=False)
    if found.exists("bucket"):
        found.rm("bucket", recursive=True)
    found.mkdir("bucket")
    return found


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A later build of the demo, with fewer rows."""
    out = tmp_path_factory.mktemp("newer") / "build"
    return r1data.build("demo", out=out, engine="inline", overrides=["sources.shapes.rows=8"])


def content(store: Any) -> dict[str, bytes]:
    store.invalidate_cache()
    root = TO.removeprefix("s3://")
    if not store.exists(root):
        return {}
    return {path.removeprefix(f"{root}/"): store.cat_file(path) for path in store.find(root)}


def test_a_store_gets_the_release_once_and_later_what_changed(
    store: Any, demo: Build, newer: Build
) -> None:
    assert not publish(demo.path, to=TO, dry_run=True).wrote
    assert content(store) == {}
    assert publish(demo.path, to=TO).wrote
    assert not publish(demo.path, to=TO).wrote
    assert publish(newer.path, to=TO).wrote
    found = content(store)
    del found[".r1data.json"]
    assert found == files(newer.release)


def test_what_a_killed_run_was_at_is_neither_believed_nor_forgotten(
    store: Any, demo: Build, newer: Build
) -> None:
    publish(demo.path, to=TO)
    gone = next(path for path in files(demo.release) if path not in files(newer.release))
    root, list_path = TO.removeprefix("s3://"), f"{TO.removeprefix('s3://')}/.r1data.json"
    store.rm_file(f"{root}/{gone}")
    store.pipe_file(f"{root}/half.parquet", b"half")
    listed = json.loads(store.cat_file(list_path)) | {gone: "", "half.parquet": ""}
    store.pipe_file(list_path, json.dumps(listed).encode())
    publish(demo.path, to=TO)
    found = content(store)
    del found[".r1data.json"]
    assert found == files(demo.release)


def test_what_the_store_says_is_told_in_one_line(store: Any, demo: Build) -> None:
    with pytest.raises(R1DataError, match=r"s3://no-such-bucket/x: .*; run the same again"):
        publish(demo.path, to="s3://no-such-bucket/x")


def believed(found: dict[str, bytes]) -> None:
    """What the list vouches for has the bytes that it names, and nothing lies there unlisted."""
    listed = json.loads(found.get(".r1data.json", b"{}"))
    for path, sha256 in listed.items():
        assert not sha256 or hashlib.sha256(found[path]).hexdigest() == sha256
    assert found.keys() <= {*listed, ".r1data.json"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_leave_nothing_partial_that_is_believed(
    store: Any, demo: Build, newer: Build
) -> None:
    chance, kills = random.Random(5), 6
    old, new = files(demo.release), files(newer.release)
    with subprocess.Popen(
        [sys.executable, "-c", SENDS, TO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sends:
        told, said = sends.stdin, sends.stdout
        assert told is not None
        assert said is not None

        def run(release: Path, after: float | None) -> int:
            print(release, file=told, flush=True)
            child = int(said.readline())
            if after is not None:
                time.sleep(after)
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            return int(said.readline())

        began = time.monotonic()
        assert run(demo.release, None) == 0
        whole, killed = time.monotonic() - began, 0
        while killed < kills:
            assert run(demo.release, None) == 0
            hit = run(newer.release, chance.uniform(0, whole)) == signal.SIGKILL
            killed += hit
            whole *= 1.2 if hit else 0.8
            found = content(store)
            believed(found)
            # The card goes last: where it is the new one, so is all that it names.
            if found["README.md"] == new["README.md"]:
                assert all(found[path] == new[path] for path in new)
            else:
                assert found["README.md"] == old["README.md"]
            assert run(newer.release, None) == 0
            found = content(store)
            del found[".r1data.json"]
            assert found == new
        told.close()

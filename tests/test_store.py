"""Builds in an object store: a real server of the S3 protocol, machines that come and go."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stores
from engines import write_tables

import r1data
from r1data.building import Build, release_digest
from r1data.errors import Locked, R1DataError, UsageError
from r1data.grid import store as storing
from r1data.grid import stored
from r1data.grid.mirror import merge, mirror_of
from r1data.grid.parts import Part, Patience
from r1data.grid.store import address_of, open_store, put_bytes

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
FEW = ["sources.shapes.rows=8"]
TO = "s3://bucket/builds/mine"


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    with stores.serving() as told:
        yield told


@pytest.fixture
def bucket(served: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The file system of the store, its bucket empty; this machine has made nothing yet."""
    import s3fs

    for name, text in {**served, "R1DATA_CACHE": str(tmp_path / "machine")}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(stored, "SETTLE_SECONDS", 0.1)
    forget_clients()
    files = s3fs.S3FileSystem(use_listings_cache=False)
    if files.find("bucket"):
        files.rm("bucket/*", recursive=True)
    return files


def forget_clients() -> None:
    """Let the next use of a store read the environment again."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    open_store.cache_clear()


def another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = "other") -> None:
    monkeypatch.setenv("R1DATA_CACHE", str(tmp_path / name))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The same build in a folder."""
    out = tmp_path_factory.mktemp("local") / "mine"
    return r1data.build("demo", out=out, engine="inline", overrides=FEW)


def make(to: str = TO, **more: Any) -> Build:
    return r1data.build("demo", out=to, engine="inline", overrides=FEW, **more)


def seeded(bucket: Any, local: Build) -> None:
    """Put a finished build into the store without making it."""
    for path in sorted(local.path.rglob("*")):
        name = path.relative_to(local.path).as_posix()
        if path.is_file() and path.name[0] != "." and not name.startswith(("media", "asking")):
            bucket.pipe_file(f"{TO.removeprefix('s3://')}/{name}", path.read_bytes())


def made(build: Build) -> dict[str, int]:
    assert build.tally is not None
    return dict(build.tally.made)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("s3://b/x", "s3://b/x"),
        (Path("s3://b/x"), "s3://b/x"),
        ("gs://b/x/", "gs://b/x"),
        ("builds/x", ""),
        ("file:///builds/x", ""),
        (Path("C:/builds/x"), ""),
        ("a:b", ""),
    ],
)
def test_an_address_is_told_from_a_folder(path: str | Path, address: str) -> None:
    assert address_of(path) == address


def test_a_build_in_a_store_is_that_of_a_folder_and_another_machine_makes_nothing(
    bucket: Any, local: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make()
    assert release_digest(first.release) == release_digest(local.release)
    assert not [path for path in bucket.find("bucket") if "/.lock" in path or ".part" in path]
    another_machine(tmp_path, monkeypatch)
    second = make()
    assert made(second) == {} and second.path != first.path
    assert not list(second.path.glob("3.frames/*.parquet")), "nobody asked for the tables"
    whole = r1data.open_build(TO)
    assert release_digest(whole.release) == release_digest(local.release)
    assert whole.table("frames").collect().height == 8


def test_the_verbs_read_a_build_of_a_store(
    bucket: Any, local: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from r1data.cli import app

    seeded(bucket, local)
    identity = local.table("samples").collect()["id"][0]
    said = {}
    for verb in (["status"], ["check"], ["report"], ["export", "--to", "jsonl", "--out", "e"]):
        done = CliRunner().invoke(app, [verb[0], TO, *verb[1:]], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        said[verb[0]] = done.output
    assert "released" in said["status"] or "left" in said["status"]
    assert "every row is accounted for" in said["check"]
    assert Path(said["report"].strip()).is_file()
    done = CliRunner().invoke(app, ["why", TO, identity], catch_exceptions=False)
    assert identity in done.output
    done = CliRunner().invoke(app, ["diff", TO, str(local.path)], catch_exceptions=False)
    assert "0 added, 0 changed, 0 removed" in done.output
    with pytest.raises(UsageError, match="all that is in a store counts"):
        CliRunner().invoke(app, ["clean", TO], catch_exceptions=False)
    with pytest.raises(UsageError, match="s3://bucket/none: no build lies there"):
        r1data.open_build("s3://bucket/none")


@pytest.mark.slow
def test_shards_that_the_store_lost_are_made_again(bucket: Any, local: Build) -> None:
    seeded(bucket, local)
    root = TO.removeprefix("s3://")
    gone, bad = f"{root}/7.verdicts/00000.parquet", f"{root}/3.frames/00003.parquet"
    before = {path: bucket.cat_file(path) for path in (gone, bad)}
    bucket.rm_file(gone)
    bucket.pipe_file(bad, before[bad][:-1] + bytes([before[bad][-1] ^ 1]))
    # Bytes that changed are met by whoever reads them: here by a release made anew.
    bucket.rm_file(f"{root}/9.release/gather.json")
    again = make()
    assert made(again) == {"verdicts": 1, "frames": 1, "release": 1}
    assert {path: bucket.cat_file(path) for path in before} == before
    assert release_digest(again.release) == release_digest(local.release)


def test_a_journal_keeps_the_lines_of_both_and_no_torn_ones(tmp_path: Path) -> None:
    path = tmp_path / "6.responses" / "00000.journal.jsonl"
    merge(path, b'{"a":1}\n{"b":2}\ntorn~\n{"c"')
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n'
    path.write_bytes(b'{"a":1}\n{"d":4}\n{"hal')
    merge(path, b'{"a":1}\n{"b":2}\n')
    assert path.read_bytes() == b'{"a":1}\n{"d":4}\n{"hal~\n{"b":2}\n'
    merge(path, b'{"b":2}\n')
    assert path.read_bytes().count(b'{"b":2}') == 1


def test_what_a_lost_machine_paid_for_is_not_asked_again(
    bucket: Any, local: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(bucket, local)
    root = TO.removeprefix("s3://")
    for path in bucket.find(root):  # it had put its journals and not one shard of answers
        if path.removeprefix(f"{root}/")[0] in "6789" and not path.endswith(".jsonl"):
            bucket.rm_file(path)
    build = make()
    assert made(build)["responses"] == len(list(local.path.glob("6.responses/*.parquet")))
    assert stores.paid(build.path) == stores.paid(local.path), "no line was added"
    assert release_digest(build.release) == release_digest(local.release)


def test_what_a_journal_gains_is_in_the_store_within_seconds(bucket: Any, tmp_path: Path) -> None:
    folder = mirror_of(TO)
    folder.mkdir(parents=True)
    with stored.storing(TO, folder, None):
        journal = folder / "6.responses" / "00000.journal.jsonl"
        journal.parent.mkdir(parents=True)
        journal.write_bytes(b'{"a":1}\n{"b":')
        path = f"{TO.removeprefix('s3://')}/6.responses/{journal.name}"
        until(lambda: bucket.exists(path), 4 * stored.PUSH_SECONDS)
        assert bucket.cat_file(path) == b'{"a":1}\n', "only whole lines"
        with journal.open("ab") as file:
            file.write(b"2}\n")
    assert bucket.cat_file(path) == b'{"a":1}\n{"b":2}\n', "the end puts the rest"


def until(true: Any, seconds: float) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def test_a_driver_at_work_is_not_disturbed_and_a_dead_one_is_outlived(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(stored, "PUSH_SECONDS", 0.2)
    mine, theirs = mirror_of(TO), tmp_path / "theirs"
    mine.mkdir(parents=True)
    theirs.mkdir()
    with stored.storing(TO, mine, None):
        with pytest.raises(Locked, match=r"s3://bucket/builds/mine is in use by process \d+"):
            stored.hold(open_store(TO, theirs), None)
        with pytest.raises(Locked, match="in use by"):
            stored.hold(open_store(TO, theirs), Part(0, 2))
    stored.hold(open_store(TO, mine), None)  # and is killed
    monkeypatch.setattr(stored, "WATCH_SECONDS", 1.5)
    began = time.monotonic()
    stored.hold(open_store(TO, theirs), None)
    assert time.monotonic() - began > 1.5
    began = time.monotonic()
    stored.hold(open_store(TO, theirs), None)  # from the same mirror it must be a dead one's
    assert time.monotonic() - began < 1.2


def test_who_was_taken_over_stops(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(stored, "PUSH_SECONDS", 0.1)
    folder = mirror_of(TO)
    folder.mkdir(parents=True)
    with stored.storing(TO, folder, None) as keeper:
        assert keeper is not None
        other = stored.Keeper(open_store(TO, tmp_path), None)
        put_bytes(other.store, other.lock, json.dumps(stored.holder(other)).encode())
        until(lambda: keeper.fault is not None, 10)
        assert "was taken over by process" in str(keeper.fault)
        assert (folder / "stop").exists(), "long cells are told to end"
    assert bucket.exists(f"{TO.removeprefix('s3://')}/.lock"), "the lock is the other's now"


def test_a_part_sees_that_another_has_work(bucket: Any, tmp_path: Path) -> None:
    keepers = []
    for number in (0, 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        keepers.append(stored.Keeper(open_store(TO, folder), Part(number, 2)))
    worker, waiting = keepers
    patience = Patience(waiting.store.mirror, 0.3)
    assert patience.lasts()
    for _ in range(4):
        time.sleep(0.2)
        os.utime(touched(worker.store.mirror / ".beat"))
        for keeper in keepers:
            keeper.share_work()
        assert patience.lasts(), "somebody has work"
    for _ in range(4):
        time.sleep(0.1)
        for keeper in keepers:
            keeper.share_work()
    assert not patience.lasts(), "passing it on is no work"


def touched(path: Path) -> Path:
    path.touch()
    return path


# --- faults --------------------------------------------------------------------------------------


def test_where_no_build_can_be_is_said_in_one_line(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(R1DataError, match=r"s3://none/x: .*is there such a bucket"):
        make("s3://none/x")
    with pytest.raises(UsageError, match="ftp://x/y: builds go to a folder or to an object store"):
        make("ftp://x/y")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UsageError, match=r"gs://x/y: .*pip install gcsfs"):
        make("gs://x/y")
    with pytest.raises(UsageError, match="nodes of a Ray cluster need a folder"):
        r1data.build("demo", out=TO, engine="ray", overrides=["run.address=127.0.0.1:1"])


def test_a_wrong_key_is_said_at_once(
    bucket: Any, served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with only_known_keys(served["AWS_ENDPOINT_URL"]):
        forget_clients()
        with pytest.raises(R1DataError, match=f"{TO}: .*see to it and run the same again"):
            make()
    for name in served:
        if name.endswith(("KEY", "KEY_ID")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    forget_clients()
    with pytest.raises(R1DataError, match="Unable to locate credentials"):
        make()


@contextmanager
def only_known_keys(url: str) -> Iterator[None]:
    """Let the server look at keys, of which it knows none."""

    def count(actions: str) -> None:
        asked = urllib.request.Request(f"{url}/moto-api/reset-auth", actions.encode())
        asked.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(asked).close()

    count("0")
    try:
        yield
    finally:
        count("inf")


@pytest.mark.slow
def test_a_store_that_goes_in_the_middle_stops_the_build_which_goes_on_later(
    bucket: Any, served: dict[str, str], local: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)  # another door to the same store
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setattr(storing, "WAITS", ())
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    forget_clients()

    def cut() -> None:
        until((mirror_of(TO) / "3.frames" / "00002.json").exists, 60)
        server.stop()
        assert server._server is not None
        server._server.server_close()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(R1DataError, match=f"{TO}: .*see to it and run the same again to go on"):
        make()
    thread.join()
    monkeypatch.setenv("AWS_ENDPOINT_URL", served["AWS_ENDPOINT_URL"])
    forget_clients()
    again = make()
    assert release_digest(again.release) == release_digest(local.release)
    assert again.tally is not None and again.tally.kept["media"] >= 2


def test_media_of_own_questions_may_lie_in_a_store(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_tables(tmp_path / "tables", 5)
    for path in (tmp_path / "tables" / "pictures").iterdir():
        if path.stem != "3":
            bucket.pipe_file(f"bucket/clips/pictures/{path.name}", path.read_bytes())
    recipe = tmp_path / "own.yaml"
    recipe.write_text(
        "pipeline: demo\nname: own\nteacher: {model: any, n: 1}\n"
        "run: {lanes: [{url: offline}]}\n"
        f"sources: {{own: {{path: {questions}, media_root: 's3://bucket/clips'}}}}\n"
    )
    build = r1data.build(recipe, out=tmp_path / "own", engine="inline", until="frames")
    frames = build.table("frames").collect()
    assert frames["drop_reason"].to_list() == [None, None, None, "missing_media", None]
    dropped = frames.filter(frames["drop_reason"].is_not_null())["drop_detail"][0]
    assert dropped == "s3://bucket/clips has no file pictures/3.png"
    # What was brought is kept, and comes anew where it has gone.
    kept = sorted((tmp_path / "own" / "media" / "own").rglob("*.png"))
    assert len(kept) == 4
    kept[0].unlink()
    (tmp_path / "own" / "3.frames" / "00000.json").unlink()
    again = r1data.build(recipe, out=tmp_path / "own", engine="inline", until="frames")
    assert again.table("frames").collect()["frames"].to_list() == frames["frames"].to_list()


def test_a_build_in_a_folder_loads_no_client_of_a_store(tmp_path: Path) -> None:
    code = (
        "import sys, r1data; r1data.build('demo', out='b', engine='inline', until='media', "
        "overrides=['sources.shapes.rows=4']); "
        "print({'fsspec', 's3fs', 'botocore'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


# --- kills ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("engine", "kills"), [("pool", 3), ("part", 2)])
def test_machines_that_are_lost_cost_no_answer_that_the_store_had(
    tmp_path: Path, engine: str, kills: int
) -> None:
    found = stores.try_kills(tmp_path, engine, kills, most=8.0, seed=3)
    assert set(found["codes"]) == {0} and found["same"], found
    assert found["in_the_store_and_asked_again"] == 0
    assert found["asked_in_all"] >= found["answers"]

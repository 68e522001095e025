"""Publishing: all or nothing, only what was checked, nothing that must not leave the house."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hub import Fault, Hub

import r1data
from r1data.building import Build
from r1data.errors import R1DataError, UsageError
from r1data.release.manifest import manifest_of
from r1data.release.publish import publish

REPO = "me/set"
TOKEN = "hf_" + "aB3" * 10
# The client reads HF_ENDPOINT when it is imported, so it lives in a process of its own.
CLIENT = """
import json, sys
from r1data.errors import R1DataError
from r1data.release.publish import publish
try:
    done = publish(sys.argv[1], **json.loads(sys.argv[2]), say=lambda line: print(line))
    print(json.dumps(["done", done.commit, done.tag, done.wrote]))
except R1DataError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
LOAD = """
import datasets, json, sys
for name in (None, "text"):
    data = datasets.load_dataset(sys.argv[1], name)
    print(json.dumps({split: [row["id"] for row in data[split]] for split in data}))
stream = datasets.load_dataset(sys.argv[1], split="train", streaming=True)
print(next(iter(stream))["frames"][0].size[0])
"""
# Forks a client that has its imports behind it: a kill then falls into publishing, not before it.
FORKS = """
import os, sys
import datasets, huggingface_hub, pyarrow.parquet
from huggingface_hub import HfApi, hf_hub_download
from r1data.release.publish import publish
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            publish(line.strip(), repo="me/set")
            os._exit(0)
        except BaseException as problem:
            print(repr(problem), file=sys.stderr, flush=True)
            os._exit(1)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def release(demo: Build, tmp_path: Path) -> Path:
    """A copy of the demo's release without the build's note, which a test may spoil."""
    return copied(demo.release, tmp_path / "release")


def copied(release: Path, to: Path) -> Path:
    shutil.copytree(release, to)
    (to / "gather.json").unlink()
    return to


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A later build of the demo, with fewer rows."""
    out = tmp_path_factory.mktemp("newer") / "build"
    return r1data.build("demo", out=out, engine="inline", overrides=["sources.shapes.rows=24"])


def environment(hub: Hub, home: str, token: str | None = "hf_write") -> dict[str, str]:
    return {**os.environ, **hub.environment(token), "HF_HOME": str(Path(home).resolve())}


def client(
    hub: Hub, path: Path, token: str | None = "hf_write", **options: Any
) -> tuple[list[Any], str]:
    """Publish in a process of its own; return its last line and all that it said."""
    arguments = [sys.executable, "-c", CLIENT, str(path), json.dumps({"repo": REPO, **options})]
    env = environment(hub, "home", token)
    ran = subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=100)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1]), ran.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {name: entry.path.read_bytes() for name, entry in manifest_of(folder).items()}


def content(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    tree = hub.tree(REPO, revision)
    return {path: data for path, data in tree.items() if path != ".gitattributes"}


def writes(hub: Hub) -> list[str]:
    return [each.path for each in hub.log if each.method not in ("GET", "HEAD")]


def test_a_dry_run_shows_the_plan_and_writes_nothing(hub: Hub, demo: Build) -> None:
    done, said = client(hub, demo.path, dry_run=True)
    assert done[1:] == [None, None, False]
    assert f"publish to {REPO}, which is new, tag v1" in said
    assert "add       data/train-shapes-00000.parquet" in said
    assert writes(hub) == []
    assert hub.repos == {}


def test_a_release_comes_back_row_for_row_and_a_second_run_writes_nothing(
    hub: Hub, demo: Build
) -> None:
    done, _ = client(hub, demo.path)
    repo = hub.repos[REPO]
    assert content(hub) == files(demo.release)
    assert done[1:] == [repo.branches["main"], "v1", True]
    assert repo.tags == {"v1": repo.branches["main"]}
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    order = [path for path in writes(hub) if "preupload" not in path and "/lfs/" not in path]
    assert order[0] == "/api/repos/create"
    assert order[-2:] == [f"/api/datasets/{REPO}/tag/{done[1]}", f"/api/datasets/{REPO}/settings"]
    assert not repo.private
    ran = subprocess.run(
        [sys.executable, "-c", LOAD, REPO],
        env=environment(hub, "empty"),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    whole, text, width = map(json.loads, ran.stdout.splitlines())
    assert whole == text
    for split, ids in whole.items():
        shards = sorted(demo.release.glob(f"data/{split}-*"))
        assert ids == [each for path in shards for each in pq.read_table(path)["id"].to_pylist()]
    assert width > 0
    hub.log.clear()
    again, said = client(hub, demo.path)
    assert again[1:] == [done[1], "v1", False]
    assert "nothing to do" in said
    assert writes(hub) == []


def test_the_token_never_reaches_the_store_of_large_files(hub: Hub, demo: Build) -> None:
    client(hub, demo.path)
    bodies = [each for each in hub.log if each.path.startswith("/cdn/")]
    assert bodies
    assert {(each.host, each.token) for each in bodies} == {("localhost", None)}


def test_a_later_build_is_a_new_version_and_the_old_tag_stays(
    hub: Hub, demo: Build, newer: Build
) -> None:
    client(hub, demo.path, private=True)
    assert hub.repos[REPO].private
    hub.commit(REPO, {"stray.txt": b"somebody's"})
    done, said = client(hub, newer.path, private=True)
    assert "delete    stray.txt" in said
    assert done[2] == "v2"
    gone = demo.counts().left - newer.counts().left
    told = hub.repos[REPO].commits[done[1]].description
    assert f"{gone} removed, {newer.counts().left} unchanged" in told, told
    assert told in said
    assert content(hub) == content(hub, "v2") == files(newer.release)
    assert content(hub, "v1") == files(demo.release)
    refused, _ = client(hub, demo.path, tag="v2")
    assert "tags are never moved" in refused[1]
    assert content(hub) == files(newer.release)


def plant_row(release: Path) -> None:
    path = next(release.glob("text/train-*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[2]["teacher"]["response"] = f"my token is {TOKEN}, do not tell"
    pq.write_table(table.from_pylist(rows, table.schema), path)


def plant_card(release: Path) -> None:
    card = release / "README.md"
    card.write_text(card.read_text() + f"\nHF_TOKEN={TOKEN}\n")


def cut_shard(release: Path) -> None:
    path = next(release.glob("data/train-*.parquet"))
    path.write_bytes(path.read_bytes()[:-1000])


def change_count(release: Path) -> None:
    card = release / "README.md"
    text = card.read_text()
    at = text.index("num_examples: ") + len("num_examples: ")
    card.write_text(text[:at] + "9" + text[at:])


def change_type(release: Path) -> None:
    card = release / "README.md"
    card.write_text(card.read_text().replace("list: image", "list: string", 1))


def change_licence(release: Path) -> None:
    card = release / "README.md"
    card.write_text(card.read_text().replace("license: cc0-1.0", "license: apache-2.0"))


def drop_config(release: Path) -> None:
    shutil.rmtree(release / "text")


def set_terms(release: Path, **terms: Any) -> None:
    for path in release.glob("*/*.parquet"):
        table = pq.read_table(path)
        rows = table.to_pylist()
        for row in rows:
            row["license"].update(terms)
        pq.write_table(table.from_pylist(rows, table.schema), path)


def gate(release: Path) -> None:
    set_terms(release, gated=True)


def forget_terms(release: Path) -> None:
    set_terms(release, annotations="unknown", media="unknown")
    card = release / "README.md"
    card.write_text(card.read_text().replace("license: cc0-1.0", "license: unknown"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (plant_row, "row 2, column teacher, holds a Hugging Face token"),
        (plant_card, "holds a Hugging Face token"),
        (cut_shard, "cannot be read"),
        (change_count, "rows, the shards hold"),
        (change_type, "its features are not those of data/"),
        (change_licence, "it calls itself {'license': 'apache-2.0'}"),
        (drop_config, "matches no shard"),
        (gate, "handed out to named people only (gated)"),
        (forget_terms, "nobody has stated the terms of shapes"),
    ],
)
def test_what_must_not_leave_is_refused_with_the_reason(
    release: Path, spoil: Any, reason: str
) -> None:
    spoil(release)
    for to in ({"repo": REPO}, {"to": "copy"}):
        with pytest.raises(R1DataError) as refused:
            publish(release, **to)
        assert reason in str(refused.value)
        assert TOKEN not in str(refused.value)
    assert not Path("copy").exists()


def test_files_that_the_build_did_not_make_are_refused(demo: Build, tmp_path: Path) -> None:
    shutil.copytree(demo.release, tmp_path / "release")
    (tmp_path / "release" / "notes.txt").write_text("mine")
    card = tmp_path / "release" / "README.md"
    card.write_text(card.read_text() + "\nBy hand.\n")
    with pytest.raises(R1DataError, match="the build did not make it") as refused:
        publish(tmp_path / "release", to="copy")
    assert "its bytes are not those that the build made" in str(refused.value)


def test_a_key_of_this_machine_is_found_whatever_it_looks_like(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANE_KEY", "plainwordsonly")
    card = release / "README.md"
    card.write_text(card.read_text() + "\nplainwordsonly\n")
    with pytest.raises(R1DataError, match=r"holds the value of \$LANE_KEY"):
        publish(release, to="copy")


def test_unstated_terms_may_be_kept_private(release: Path) -> None:
    forget_terms(release)
    assert publish(release, to="copy", private=True).wrote


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("hf_read", "may only read"),
        ("hf_wrong", "does not know this token"),
        (None, "no Hub token"),
    ],
)
def test_a_token_that_cannot_write_is_refused_before_anything_is_written(
    hub: Hub, demo: Build, token: str | None, reason: str
) -> None:
    refused, _ = client(hub, demo.path, token)
    assert reason in refused[1]
    assert writes(hub) == []


def test_a_commit_of_somebody_else_meanwhile_is_not_overwritten(
    hub: Hub, demo: Build, newer: Build
) -> None:
    client(hub, newer.path)
    hub.faults.append(Fault("POST", "/commit/", wait=1.5))
    arguments = [sys.executable, "-c", CLIENT, str(demo.path), json.dumps({"repo": REPO})]
    with subprocess.Popen(
        arguments, env=environment(hub, "home"), stdout=subprocess.PIPE, text=True
    ) as running:
        while not any("preupload" in each.path for each in hub.log[-3:]) or hub.faults[0].times:
            time.sleep(0.01)
        hub.commit(REPO, {"theirs.txt": b"first"})
        said, _ = running.communicate(timeout=60)
    assert "somebody else committed" in json.loads(said.splitlines()[-1])[1]
    assert content(hub) == {**files(newer.release), "theirs.txt": b"first"}
    assert list(hub.repos[REPO].tags) == ["v1"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/commit/", lost=True),
        Fault("POST", "/commit/", status=500),
        Fault("PUT", "/lfs/", drop_after=0, times=2),
        Fault("POST", "/tag/", status=500),
        Fault("GET", "/tree/", status=503),
        Fault("GET", "/tree/", status=429, retry_after=31_536_000),
        Fault("PUT", "/settings", status=500),
        Fault("GET", "/cdn/", wrong=True),
    ],
    ids=lambda fault: f"{fault.path}-{fault.status}",
)
def test_whatever_breaks_the_next_run_succeeds(hub: Hub, newer: Build, fault: Fault) -> None:
    hub.faults.append(fault)
    first, _ = client(hub, newer.path)
    if first[0] != "done":
        assert "run the same" in first[1] or "came back with other bytes" in first[1]
        assert hub.repos.get(REPO) is None or not hub.repos[REPO].tags or "settings" in fault.path
    hub.faults.clear()
    again, _ = client(hub, newer.path)
    assert again[0] == "done"
    assert content(hub) == content(hub, "v1") == files(newer.release)
    assert list(hub.repos[REPO].tags) == ["v1"]
    assert not hub.repos[REPO].private


def shoot(hub: Hub, demo: Build, newer: Build, kills: int, seed: int) -> dict[str, int]:
    """Kill publishing at random moments; main is the old or the new, and reruns succeed."""
    old, new = files(demo.release), files(newer.release)
    chance = random.Random(seed)
    seen = {"old": 0, "new": 0, "tagged": 0, "killed": 0}
    arguments = [sys.executable, "-W", "ignore", "-c", FORKS]
    with subprocess.Popen(
        arguments,
        env=environment(hub, "home"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forks:
        assert forks.stdin is not None and forks.stdout is not None

        def run(after: float | None) -> int:
            assert forks.stdin is not None and forks.stdout is not None
            print(newer.path, file=forks.stdin, flush=True)
            child = int(forks.stdout.readline())
            if after is not None:
                time.sleep(after)
                with suppress(ProcessLookupError):  # it was done already
                    os.kill(child, signal.SIGKILL)
            return int(forks.stdout.readline())

        def fresh() -> None:
            hub.repos.clear()
            hub.objects.clear()
            hub.commit(REPO, old)

        for _ in range(2):  # the first one is slow
            fresh()
            start = time.monotonic()
            assert run(None) == 0
            whole = time.monotonic() - start
        while seen["killed"] < kills:
            fresh()
            hit = run(chance.uniform(0, whole)) == signal.SIGKILL
            seen["killed"] += hit
            whole *= 1.0 if hit else 0.9  # it was done before the shot: aim earlier
            main, tags = content(hub), hub.repos[REPO].tags
            assert main in (old, new)
            assert not tags or content(hub, "v1") == new
            seen["new" if main == new else "old"] += 1
            seen["tagged"] += bool(tags)
            assert run(None) == 0
            assert content(hub) == content(hub, "v1") == new
        forks.stdin.close()
    return seen


def test_a_kill_at_any_moment_leaves_the_old_release_or_the_new(
    hub: Hub, demo: Build, newer: Build
) -> None:
    assert shoot(hub, demo, newer, kills=6, seed=1)["killed"] == 6


@pytest.mark.slow
def test_forty_kills_leave_the_old_release_or_the_new(hub: Hub, demo: Build, newer: Build) -> None:
    seen = shoot(hub, demo, newer, kills=40, seed=2)
    assert seen["old"] >= 5
    assert seen["killed"] == 40


def test_a_folder_gets_the_release_once_and_later_what_changed(
    demo: Build, newer: Build, tmp_path: Path
) -> None:
    to = tmp_path / "copy"
    assert publish(demo.path, to=str(to)).wrote
    assert not publish(demo.path, to=str(to)).wrote
    assert publish(newer.path, to=str(to), dry_run=True).wrote is False
    assert publish(newer.path, to=str(to)).wrote
    (to / ".r1data.json").unlink()
    assert files(to) == files(newer.release)
    with pytest.raises(UsageError, match="holds files that no release of r1data put there"):
        publish(demo.path, to=str(to))


def test_an_object_store_gets_the_release(newer: Build) -> None:
    import fsspec

    publish(newer.path, to="memory://bucket/set")
    store = fsspec.filesystem("memory")
    for name, data in files(newer.release).items():
        assert store.cat_file(f"/bucket/set/{name}") == data


def test_a_place_is_needed_and_a_finished_build(tmp_path: Path, demo: Build) -> None:
    with pytest.raises(UsageError, match="neither is given"):
        publish(demo.path)
    with pytest.raises(UsageError, match="user/name"):
        publish(demo.path, repo="noslash")
    with pytest.raises(UsageError, match="not a release"):
        publish(tmp_path, to="copy")

"""Downloads: resumed after kills, checked against stated hashes, and only what is needed."""

import functools
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hub import Fault, Handler, Hub
from upstreams import tarred, zipped

from r1data.errors import InputError, RowDrop, ShardFault
from r1data.media import web
from r1data.media.fetch import Remote, fetch
from r1data.media.hub import head_of, list_remote, moved, pinned
from r1data.media.members import bring_members, open_archives
from r1data.media.ranges import RangeFile
from r1data.media.upstream import Upstream
from r1data.media.web import token_for

DATA = random.Random(3).randbytes(3_000_000)


def remote(hub: Hub, data: bytes = DATA, name: str = "a.zip") -> Remote:
    """A large file of a repository, with the hash that the Hub states."""
    oid = hub.commit("u/n", {name: data})
    url = f"{hub.url}/datasets/u/n/resolve/{oid}/{name}"
    return Remote(url, len(data), hashlib.sha256(data).hexdigest())


def test_a_file_arrives_whole_and_is_not_fetched_twice(hub: Hub) -> None:
    wanted = remote(hub)
    for _ in range(2):
        assert fetch(wanted, Path("here/a.zip")).read_bytes() == DATA
    assert hub.sent("/cdn/") == len(DATA)
    assert {path.name for path in Path("here").iterdir()} <= {"a.zip", "a.zip.lock"}


def test_broken_connections_go_on_where_they_broke(hub: Hub) -> None:
    hub.faults.append(Fault("GET", "/cdn/", drop_after=700_000, times=3))
    assert fetch(remote(hub), Path("a.zip")).read_bytes() == DATA
    assert hub.sent("/cdn/") < 1.05 * len(DATA)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_servers_that_are_busy_are_asked_again(hub: Hub, status: int) -> None:
    hub.faults.append(Fault("GET", "/resolve/", status=status, times=3, retry_after=0))
    assert fetch(remote(hub), Path("a.zip")).read_bytes() == DATA


def test_wrong_bytes_of_the_right_size_are_noticed_and_fetched_anew(hub: Hub) -> None:
    hub.faults.append(Fault("GET", "/cdn/", wrong=True, times=1))
    assert fetch(remote(hub), Path("a.zip")).read_bytes() == DATA
    hub.faults.append(Fault("GET", "/cdn/", wrong=True, times=9))
    with pytest.raises(RowDrop, match="came twice with another sha256"):
        fetch(remote(hub), Path("b.zip"))
    assert not Path("b.zip").exists()


def test_small_files_are_checked_against_gits_hash(hub: Hub) -> None:
    oid = hub.commit("u/n", {"q.json": b"[1, 2]"})
    entry = list_remote("u/n", oid)[0]
    hub.faults.append(Fault("GET", "/resolve/", wrong=True, times=2))
    with pytest.raises(RowDrop, match="another git hash"):
        url = f"{hub.url}/datasets/u/n/resolve/{oid}/q.json"
        fetch(Remote(url, entry.size, entry.sha256, entry.git), Path("q.json"))


def test_a_part_of_another_version_is_not_gone_on_with(hub: Hub) -> None:
    url = f"{hub.url}/plain/a.bin"
    hub.files["/plain/a.bin"] = DATA
    Path("a.bin.part").write_bytes(b"x" * 1000)
    Path("a.bin.part.tag").write_text('"another"')
    assert fetch(Remote(url), Path("a.bin")).read_bytes() == DATA


def test_patience_ends_with_the_reason(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TRIES", 3)
    hub.faults.append(Fault("GET", "/resolve/", status=503, times=99))
    with pytest.raises(ShardFault, match=r"answers 503 \(3 tries\)"):
        fetch(remote(hub), Path("a.zip"))


def test_a_gated_source_says_what_to_do(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = remote(hub)
    hub.repos["u/n"].gated = "auto"
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(
        InputError, match=r"accept its terms at .*/datasets/u/n, then export HF_TOKEN"
    ):
        fetch(wanted, Path("a.zip"))


def test_the_token_stays_with_its_host(hub: Hub) -> None:
    fetch(remote(hub), Path("a.zip"))
    tokens = {("/cdn/" in each.path): each.token for each in hub.log}
    assert tokens == {False: "hf_write", True: None}
    assert token_for("http://elsewhere.example/a") is None


def test_nothing_is_asked_when_offline_is_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        fetch(remote(hub), Path("a.zip"))
    assert hub.log == []


def test_a_revision_is_pinned_on_first_use_and_a_move_is_reported(hub: Hub) -> None:
    first = hub.commit("u/n", {"q.json": b"[]"})
    lock = Path("sources.lock")
    assert pinned("u/n", "", lock) == first
    second = hub.commit("u/n", {"q.json": b"[1]"})
    assert pinned("u/n", "", lock) == first
    assert head_of("u/n") == second
    assert moved(lock) == [
        f"u/n has moved to {second[:12]}; sources.lock keeps {first[:12]} "
        f"(delete its line to follow)"
    ]


def test_a_listing_is_read_page_by_page(hub: Hub) -> None:
    oid = hub.commit("u/n", {f"d/{i:04d}.json": b"%d" % i for i in range(2100)})
    assert len(list_remote("u/n", oid)) == 2100


def zip_of(count: int, size: int) -> dict[str, bytes]:
    chance = random.Random(1)
    return {f"clips/{i:04d}.mp4": chance.randbytes(size) for i in range(count)}


def archive_on(hub: Hub, files: dict[str, bytes]) -> Upstream:
    oid = hub.commit("u/n", dict(files))
    found = {
        path: Remote(f"{hub.url}/datasets/u/n/resolve/{oid}/{path}", len(data))
        for path, data in files.items()
    }
    return Upstream(Path("media"), oid, found)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_sample_of_a_zip_moves_its_members_and_the_directory(hub: Hub, parts: int) -> None:
    members = zip_of(500, 20_000)
    data = zipped(members)
    step = -(-len(data) // parts)
    names = ["v.zip"] if parts == 1 else [f"v.zip.part_{i:02d}" for i in range(parts)]
    found = archive_on(hub, {n: data[i * step : (i + 1) * step] for i, n in enumerate(names)})
    chosen = list(members)[::50]
    for archive in open_archives(names, found, ""):
        assert bring_members(archive, chosen, set) == {}
    assert all((Path("media") / uri).read_bytes() == members[uri] for uri in chosen)
    useful = sum(len(members[uri]) for uri in chosen)
    directory = 500 * 70
    assert hub.sent("/cdn/") < 1.1 * (useful + directory) + 65_536
    bodies = [each for each in hub.log if "/cdn/" in each.path]
    assert len(bodies) <= len(chosen) + 10 + parts


def test_a_plain_tar_is_read_by_an_index(hub: Hub) -> None:
    members = zip_of(20, 150_000)
    found = archive_on(hub, {"v.tar": tarred(members)})
    chosen = list(members)[3:6]
    for archive in open_archives(["v.tar"], found, ""):
        assert bring_members(archive, chosen, set) == {}
    assert all((Path("media") / uri).read_bytes() == members[uri] for uri in chosen)
    assert hub.sent("/cdn/") < 3 * 150_000 + 21 * 2048 + 65_536


def test_a_packed_tar_is_read_to_the_last_wanted_member_only(hub: Hub) -> None:
    members = zip_of(40, 100_000)
    found = archive_on(hub, {"v.tar.gz": tarred(members, packed=True)})
    hub.faults.append(Fault("GET", "/cdn/", drop_after=300_000, times=3))
    archive = next(open_archives(["v.tar.gz"], found, ""))
    chosen = list(members)[2:5]
    assert bring_members(archive, chosen[:1], lambda: set(chosen)) == {}
    assert all((Path("media") / uri).read_bytes() == members[uri] for uri in chosen)
    assert hub.sent("/cdn/") < 40 * 100_000


def test_a_member_that_is_not_what_its_crc_says_drops_its_row(hub: Hub) -> None:
    members = zip_of(3, 30_000)
    data = bytearray(zipped(members))
    data[15_000] ^= 255
    found = archive_on(hub, {"v.zip": bytes(data)})
    archive = next(open_archives(["v.zip"], found, ""))
    faults = bring_members(archive, list(members), set)
    assert {uri: fault.reason.value for uri, fault in faults.items()} == {
        "clips/0000.mp4": "bad_checksum"
    }


def test_a_server_without_ranges_is_named(hub: Hub) -> None:
    hub.files["/a"] = DATA
    with pytest.raises(InputError, match="no parts of files"):
        hub.faults.append(Fault("GET", "/a", status=200))
        RangeFile([Remote(f"{hub.url}/a")])


KILLED = """
import sys
from pathlib import Path
from r1data.media.fetch import Remote, fetch
fetch(Remote(sys.argv[1], int(sys.argv[2]), sys.argv[3]), Path("big.zip"))
"""


class Counted:
    """A socket's file that counts what really went out, where a killed client took only a part."""

    total = 0

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, data: bytes) -> int:
        for start in range(0, len(data), 65_536):
            Counted.total += self.file.write(data[start : start + 65_536])
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class Counting(Handler):
    def setup(self) -> None:
        super().setup()
        self.wfile = Counted(self.wfile)  # type: ignore[assignment]


def killed_fetch(hub: Hub, size: int, kills: int) -> int:
    """Fetch a file in a process that is killed again and again; return the bytes that moved."""
    data = random.Random(9).randbytes(size // 8) * 8
    wanted = remote(hub, data)
    command = [sys.executable, "-c", KILLED, wanted.url, str(size), wanted.sha256]
    environment = {**os.environ, **hub.environment()}
    part = Path("big.zip.part")
    for number in range(1, kills + 1):
        goal = size * number // (kills + 2)
        with subprocess.Popen(command, env=environment) as run:
            while run.poll() is None and (not part.exists() or part.stat().st_size < goal):
                time.sleep(0.001)
            run.send_signal(signal.SIGKILL)
    hub.faults.append(Fault("GET", "/cdn/", drop_after=size // 50, times=2))
    subprocess.run(command, env=environment, check=True, timeout=100)
    assert hashlib.sha256(Path("big.zip").read_bytes()).hexdigest() == wanted.sha256
    return Counted.total


@pytest.mark.slow
def test_a_file_survives_ten_kills_with_little_moved_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.Handler", Counting)
    monkeypatch.setattr(
        "hub.sha256", functools.cache(lambda data: hashlib.sha256(data).hexdigest())
    )
    with Hub() as hub:
        assert killed_fetch(hub, 400_000_000, kills=10) < 420_000_000

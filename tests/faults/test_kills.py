"""Driver, workers and media children are killed at random moments: the release stays the same."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from faults.processes import KINDS, finish, shoot, start, victims

import r1data
from r1data.building import release_digest
from r1data.release.check import check

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds its victims in /proc"),
]
SMALL = ["sources.shapes.rows=16", "teacher.n=1"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a release that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "b"
    return release_digest(r1data.build("demo", out=folder, workers=2, overrides=SMALL).release)


def disturb(out: Path, kind: str, chance: random.Random) -> bool:
    """Run a build, kill one of its processes; tell whether one was hit."""
    with start(out, SMALL) as run:
        moment = time.monotonic() + chance.uniform(0.2, 2.5)
        hit = False
        while run.poll() is None and not hit:
            if time.monotonic() > moment:
                hit = shoot(victims(run.pid, kind))
            time.sleep(0.01)
        run.communicate(timeout=200)
    return hit


@pytest.mark.timeout(600)
def test_whoever_is_killed_the_release_is_the_same(tmp_path: Path, whole: str) -> None:
    chance, hits = random.Random(2), Counter[str]()
    for number in range(12):
        kind = KINDS[number % len(KINDS)]
        hits[kind] += disturb(tmp_path / "b", kind, chance)
    done = finish(tmp_path / "b", SMALL)
    assert done.returncode == 0, done.stderr
    assert hits.total() > 0
    assert release_digest(tmp_path / "b/9.release") == whole
    assert check(tmp_path / "b").findings == []


@pytest.mark.timeout(400)
def test_two_drivers_started_at_once_give_one_release(tmp_path: Path, whole: str) -> None:
    out = tmp_path / "b"
    both = [start(out, SMALL) for _ in range(2)]
    told = [run.communicate(timeout=300)[1] for run in both]
    codes = [run.returncode for run in both]
    assert 0 in codes, told
    for code, text in zip(codes, told, strict=True):
        assert code == 0 or (code == 1 and "is in use by process" in text and "Trace" not in text)
    assert release_digest(out / "9.release") == whole
    assert check(out).findings == []


LIMITED = """
import resource, sys
import r1data
from r1data.errors import R1DataError
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) * 2**20,) * 2)
build = r1data.build("demo", out=sys.argv[1], workers=2, overrides=sys.argv[3:])
print(build.tally.made.total(), [each.why for each in build.tally.set_aside])
"""


@pytest.mark.timeout(400)
def test_workers_without_memory_harm_nothing_that_is_made(tmp_path: Path, whole: str) -> None:
    out = tmp_path / "b"
    line = [sys.executable, "-c", LIMITED, str(out), "1100", *SMALL]
    poor = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert poor.returncode == 0 or "rror" in poor.stderr
    done = finish(out, SMALL)
    assert done.returncode == 0, done.stderr
    assert release_digest(out / "9.release") == whole
    assert check(out).findings == []

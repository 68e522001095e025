"""A bit flips, a file is cut, notes vanish: check finds it, and build makes it good again."""

import random
import shutil
from pathlib import Path

import pytest
from faults.damage import cut, flip, pick

import r1data
from r1data.building import Build, release_digest
from r1data.release.check import check
from r1data.teacher.journal import parse_line

SMALL = ["sources.shapes.rows=24", "screen={duplicates: true}"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build whose media lie inside it."""
    folder = tmp_path_factory.mktemp("sound") / "build"
    return r1data.build("demo", out=folder, engine="inline", overrides=SMALL).path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, times and all."""
    return Path(shutil.copytree(sound, tmp_path / "build"))


def mended(build: Path) -> Build:
    """Build again, and prove that it is what it was."""
    before = release_digest(build / "9.release") if (build / "9.release").is_dir() else ""
    again = r1data.build("demo", out=build, engine="inline", overrides=SMALL)
    assert again.tally is not None
    assert again.tally.set_aside == [], before
    assert check(build).findings == []
    return again


def suffer(build: Path, seeds: range, damage: object) -> None:
    """Damage a build by each seed, one after the other."""
    assert callable(damage)
    good = release_digest(build / "9.release")
    for seed in seeds:
        chance = random.Random(seed)
        quiet = chance.random() < 0.5
        path = pick(build, chance)
        told = f"seed {seed}: {path.relative_to(build)}: {damage(path, chance, quiet)}"
        assert check(build).findings, told
        assert release_digest(mended(build).release) == good, told


@pytest.mark.timeout(300)
def test_a_flipped_bit_anywhere_is_found_and_made_good(copy: Path) -> None:
    suffer(copy, range(3), flip)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_flipped_bits_are_found_and_made_good(copy: Path) -> None:
    suffer(copy, range(100, 150), flip)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_cut_files_are_found_and_made_good(copy: Path) -> None:
    suffer(copy, range(300, 330), cut)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_notes_deleted_at_random_are_missed_and_made_again(copy: Path, share: float) -> None:
    good = release_digest(copy / "9.release")
    chance = random.Random(5)
    for note in sorted(copy.glob("[0-9].*/*.json")):
        if chance.random() < share:
            note.unlink()
    assert check(copy).findings
    assert release_digest(mended(copy).release) == good


def test_a_damaged_answer_is_restored_from_its_shard_and_not_asked_again(copy: Path) -> None:
    journal = sorted(copy.glob("6.*/*.journal.jsonl"))[0]
    lines = journal.read_bytes().splitlines(keepends=True)
    at = len(lines[0]) // 2
    data = bytearray(journal.read_bytes())
    data[at : at + 2] = bytes(byte ^ 1 for byte in data[at : at + 2])
    journal.write_bytes(data)
    mended(copy)
    held = journal.read_bytes().splitlines(keepends=True)
    assert held[0].endswith(b"~\n")
    assert len(held) == len(lines) + 1
    assert requests_in(held) == requests_in(lines)


def requests_in(lines: list[bytes]) -> set[str]:
    """The requests that whole lines of a journal answer."""
    records = [parse_line(line) for line in lines]
    return {record["request_sha256"] for record in records if record is not None}


def test_a_clip_that_changed_after_it_was_hashed_gives_no_frames_under_its_old_hash(
    copy: Path,
) -> None:
    good = release_digest(copy / "9.release")
    shutil.rmtree(copy / "media/frames")
    for clip in sorted(copy.glob("media/shapes/**/*.mp4"))[:3]:
        clip.write_bytes(clip.read_bytes()[:-200] + b"\0" * 200)
    for table in copy.glob("3.frames/*.parquet"):
        table.unlink()
    assert release_digest(mended(copy).release) == good

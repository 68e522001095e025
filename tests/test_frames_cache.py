import os
from pathlib import Path

from r1data.frames.cache import entry_key, entry_path, load, prune, store
from r1data.frames.take import Taken

TAKEN = Taken([b"one\n", b"\0two"], [0.0, 0.5], [0, 12], [(28, 56)] * 2, "ab12", "pyav")


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    key = entry_key("f" * 64, {"rule": "uniform"})
    assert load(tmp_path, key) is None
    store(tmp_path, key, TAKEN)
    assert load(tmp_path, key) == TAKEN


def test_a_still_keeps_having_no_time(tmp_path: Path) -> None:
    still = TAKEN._replace(times=[None, None])
    store(tmp_path, "ab" * 32, still)
    assert load(tmp_path, "ab" * 32) == still


def test_key_follows_content_and_every_option() -> None:
    keys = {
        entry_key(sha, options)
        for sha in ("a" * 64, "b" * 64)
        for options in ({"rule": "uniform"}, {"rule": "fps"}, {"rule": "fps", "count": 32})
    }
    assert len(keys) == 6
    assert entry_key("a", {"x": 1, "y": 2}) == entry_key("a", {"y": 2, "x": 1})


def test_a_backend_has_a_key_whether_or_not_it_is_installed() -> None:
    backends: list[str | list[str]] = ["pyav", "torchcodec", ["pyav", "torchcodec"], ["decord"]]
    assert len({entry_key("a", {"backend": backend}) for backend in backends}) == 4


def test_a_damaged_entry_is_absent_and_goes(tmp_path: Path) -> None:
    store(tmp_path, "cd" * 32, TAKEN)
    path = entry_path(tmp_path, "cd" * 32)
    for damage in (path.read_bytes()[:-1], b"", b"{}\n", b"not json\nbody"):
        path.write_bytes(damage)
        assert load(tmp_path, "cd" * 32) is None
        assert not path.exists()


def test_pruning_keeps_what_was_asked_for_last(tmp_path: Path) -> None:
    keys = [entry_key(str(i), {}) for i in range(6)]
    for age, key in enumerate(keys):
        store(tmp_path, key, TAKEN)
        os.utime(entry_path(tmp_path, key), (1000 + age, 1000 + age))
    assert load(tmp_path, keys[0]) == TAKEN
    size = entry_path(tmp_path, keys[0]).stat().st_size
    assert prune(tmp_path, 3 * size) == 3 * size
    assert [load(tmp_path, key) is not None for key in keys] == [
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    assert prune(tmp_path, 3 * size) == 0

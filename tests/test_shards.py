"""Reading shards: what is believed, and whose memory it lies in."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
import toy

from r1data.grid.shards import Note, ShardDamaged, read_shard, write_shard

# Threads that wait for the interpreter get it by no timer, only where it is let go: at its end.
ENDS_AT_ONCE = """
import sys
sys.setswitchinterval(100)
from pathlib import Path
from r1data.grid.shards import read_shard
tables = [read_shard(Path(sys.argv[1]), ["id", "drop_reason"]) for _ in range(20)]
"""


def written(folder: Path, rows: int) -> Path:
    note = Note(stage="s", shard="00000", key="k", digest="")
    write_shard(folder, toy.rows(rows), note, [])
    return folder / "00000.parquet"


def test_a_shard_is_read_into_no_memory_of_pythons(tmp_path: Path) -> None:
    """Arrow's threads give memory back; for Python's they need an interpreter that may be gone."""
    path = written(tmp_path, 200_000)
    read_shard(path)
    tracemalloc.start()
    table = read_shard(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.num_rows == 200_000
    assert most < path.stat().st_size / 4


def test_a_process_that_reads_a_shard_and_ends_is_not_aborted(tmp_path: Path) -> None:
    path = written(tmp_path, 1000)
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", ENDS_AT_ONCE, str(path)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("harm", ["flip", "cut", "lose"])
def test_a_shard_whose_bytes_changed_is_not_read(tmp_path: Path, harm: str) -> None:
    path = written(tmp_path, 100)
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes(data[:-1] if harm == "cut" else data)
    if harm == "lose":
        path.unlink()
    with pytest.raises(ShardDamaged, match=r"00000\.parquet: its bytes are not those"):
        read_shard(path)

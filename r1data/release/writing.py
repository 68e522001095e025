"""Writing many shards at once in bounded memory: rows stream past, each into its own shard.

Only as many shards are open as their row groups fit into memory; the rest waits for the next round,
which reads the input again. Row groups are cut by the bytes of the rows that a shard holds, so that
a shard's bytes depend on its rows alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from r1data.grid.shards import parquet_settings

# The functions of Arrow's kernels exist at run time only.
pc: Any = pyarrow.compute
# Row groups of 32 MB stream best where there are pictures (measured on one 510 MB shard of 1,600
# rows): smaller ones defeat columns=, larger ones delay the first row. Text alone shrinks to 3 MB.
GROUP_BYTES = 32_000_000
MEDIA = ("frames", "video")
OPEN_BYTES = 260_000_000
# Values a page: Arrow's 1,024 would make pages of 27 MB of pictures, and as large a buffer beside
# the row group; 64 make pages of 2 MB.
PAGE_VALUES = 64


class Target(NamedTuple):
    """One shard to be written."""

    config: str
    split: str
    source: str
    number: int


def rounds(targets: Sequence[Target]) -> Iterator[list[Target]]:
    """Cut the shards into rounds whose open row groups fit into OPEN_BYTES."""
    current: list[Target] = []
    held = 0
    for target in targets:
        size = GROUP_BYTES
        if current and held + size > OPEN_BYTES:
            yield current
            current, held = [], 0
        current.append(target)
        held += size
    if current:
        yield current


class Pen:
    """Writes row groups on a thread of its own, one behind the reader: Arrow leaves Python free."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.last: Future[None] | None = None

    def write(self, writer: pq.ParquetWriter, table: pa.Table) -> None:
        """Hand over a row group; waits for the one before, so that two at most take memory."""
        self.wait()
        self.last = self.thread.submit(
            writer.write_table, table, row_group_size=max(1, table.num_rows)
        )

    def wait(self) -> None:
        """Wait for what was handed over; raises what went wrong with it."""
        last, self.last = self.last, None
        if last is not None:
            last.result()


class ShardWriter:
    """Collects the rows of one shard and writes a row group whenever its bytes are full."""

    def __init__(self, path: Path, schema: pa.Schema, config: str, pen: Pen) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.pen = pen
        settings = parquet_settings(schema)
        if config in MEDIA:
            settings["write_batch_size"] = PAGE_VALUES
        # A deleted row moves the bytes of a text shard; content-defined pages let the Hub store
        # 1.5 MB instead of 41 MB then (30,000 rows). For pictures they cost more than they save.
        settings["use_content_defined_chunking"] = config not in MEDIA
        self.writer = pq.ParquetWriter(path, schema, **settings)
        self.schema = schema
        self.limit = GROUP_BYTES
        self.held: list[pa.Table] = []
        self.bytes = 0
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Add rows; a row group ends with the row that fills it."""
        self.rows += table.num_rows
        sizes = row_bytes(table)
        start = 0
        while start < table.num_rows:
            ends = np.cumsum(sizes[start:]) + self.bytes
            stop = start + int(np.searchsorted(ends, self.limit)) + 1
            self.held.append(table.slice(start, stop - start))
            self.bytes = int(ends[min(stop, table.num_rows) - start - 1])
            if self.bytes >= self.limit:
                self.flush()
            start = stop

    def flush(self) -> None:
        """Write what is held as one row group."""
        if self.held:
            self.pen.write(self.writer, pa.concat_tables(self.held).cast(self.schema))
        self.held, self.bytes = [], 0

    def close(self) -> None:
        """Write the rest and the footer."""
        self.flush()
        self.pen.wait()
        self.writer.close()


def row_bytes(table: pa.Table) -> Any:
    """Return roughly how many bytes each row takes: its pictures, or its longest texts."""
    media = [name for name in ("frames", "images", "videos") if name in table.column_names]
    if media:
        return np.sum([list_bytes(one_chunk(table[name])) for name in media], axis=0)
    texts = [table[name] for name in ("problem", "process") if name in table.column_names]
    size = np.full(table.num_rows, 2_000, np.int64)  # what the other columns take together
    for text in texts:
        size += pc.fill_null(pc.binary_length(text), 0).to_numpy()
    return size


def one_chunk(column: pa.ChunkedArray) -> pa.ListArray:
    """Return a column as one array, without a copy where it is one already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def list_bytes(column: pa.ListArray) -> Any:
    """Return the bytes of the pictures of each row."""
    data = pc.struct_field(column.flatten(), "bytes")
    lengths = pc.fill_null(pc.binary_length(data), 0).to_numpy().astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    stops = np.cumsum(pc.list_value_length(column).to_numpy())
    return ends[stops] - ends[np.concatenate([[0], stops[:-1]])]


def write_round(
    files: dict[Target, Path],
    schemas: dict[str, pa.Schema],
    rows: Iterable[tuple[Target, pa.Table]],
) -> dict[Target, int]:
    """Write the shards of one round; return how many rows each got."""
    writers: dict[Target, ShardWriter] = {}
    pen = Pen()
    for target, path in files.items():
        writers[target] = ShardWriter(path, schemas[target.config], target.config, pen)
    try:
        for target, table in rows:
            writers[target].add(table)
    finally:
        for writer in writers.values():
            writer.close()
        pen.thread.shutdown()
    return {target: writer.rows for target, writer in writers.items()}

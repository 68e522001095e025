"""Stage and Cell: what a stage is, and what its function may know beside its tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.grid.parts import part_file


@dataclass(frozen=True)
class Stage:
    """One column of the grid: a function over shards.

    `run` names the function as "module:function", so that every engine can import it. It is called
    as `function(*tables, cell=cell)`, one pyarrow table for each name in `takes`, and returns
    the table that `gives` describes. A `gather` stage gets, for each name in `takes`, the list of
    paths of all shards instead, and yields `Output`s.
    """

    name: str
    run: str
    room: int
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    takes: tuple[str, ...] = ()
    gives: str = ""
    gather: bool = False
    needs: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    outside: str = ""

    @property
    def folder(self) -> str:
        return f"{self.room}.{self.name}"


@dataclass(frozen=True)
class Cell:
    """What a stage function may know beside its tables: options are what, settings are how.

    `part` is empty, or names the part of the build that makes the cell: "3of8". `store` is empty,
    or the address of the store whose mirror `build` is.
    """

    stage: str
    shard: str
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    build: Path
    folder: Path
    part: str = ""
    store: str = ""

    @property
    def stop(self) -> Path:
        """The file whose presence asks long cells to end soon."""
        return part_file(self.build, "stop", self.part)

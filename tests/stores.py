"""Builds in a real S3 server, made by processes that are killed and whose machine is lost.

`python tests/stores.py --engine part --kills 30` kills by hand what the tests kill a few times:
each start finds an empty folder, as a new machine would.
"""

import argparse
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines import answering, commands, write_recipe

import r1data
from r1data.building import release_digest
from r1data.grid.stored import WATCH_SECONDS

BUCKET = "bucket"


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Run an S3 server with one bucket; yield the environment that leads to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    told = environment(f"http://{host}:{port}")
    own = {name.removeprefix("AWS_").lower(): told[name] for name in sorted(told)}
    boto3.client(
        "s3",
        endpoint_url=own["endpoint_url"],
        region_name=own["default_region"],
        aws_access_key_id=own["access_key_id"],
        aws_secret_access_key=own["secret_access_key"],
    ).create_bucket(Bucket=BUCKET)
    yield told
    server.stop()


def environment(url: str) -> dict[str, str]:
    """Return what a client of the server has to know."""
    names = {"ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "mine", "DEFAULT_REGION": "us-east-1"}
    return {f"AWS_{name}": text for name, text in {**names, "ENDPOINT_URL": url}.items()}


def run(lines: list[list[str]], folder: Path, told: Mapping[str, str]) -> list[Any]:
    """Start the processes of a build, each on a machine of its own that has made nothing yet."""
    shutil.rmtree(folder / "machines", ignore_errors=True)
    processes = []
    for i, line in enumerate(lines):
        place = {"R1DATA_CACHE": str(folder / "machines" / str(i))}
        with (folder / f"out.{i}").open("ab") as said:
            processes.append(
                subprocess.Popen(
                    line, env={**os.environ, **told, **place}, stdout=said, stderr=said
                )
            )
    return processes


def killed(lines: list[list[str]], folder: Path, told: Mapping[str, str], seconds: float) -> None:
    """Start a build and kill all its drivers after some seconds."""
    processes = run(lines, folder, told)
    time.sleep(seconds)
    for each in processes:
        each.kill()
        each.wait()


def finished(lines: list[list[str]], folder: Path, told: Mapping[str, str]) -> list[int]:
    """Run a build to its end on empty machines; return the exit codes."""
    return [each.wait(400) for each in run(lines, folder, told)]


def brought(address: str, folder: Path, told: Mapping[str, str]) -> Path:
    """Bring a build from the store to yet another machine."""
    code = f"import r1data; print(r1data.open_build({address!r}).path)"
    place = {"R1DATA_CACHE": str(folder / "reader")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **told, **place},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def paid(build: Path) -> Counter[str]:
    """Count the lines of each request in the journals of a build."""
    return Counter(
        json.loads(line)["request_sha256"]
        for path in build.glob("*/*.journal.jsonl")
        for line in path.read_bytes().splitlines()
        if b'"request_sha256"' in line and line.endswith(b"}") and b'"note"' not in line
    )


def try_kills(folder: Path, engine: str, kills: int, most: float, seed: int) -> dict[str, Any]:
    """Kill a build many times and let it end; return what was lost, and whether it is the same."""
    chance = random.Random(seed)
    with serving() as told, answering() as endpoint:
        recipe = write_recipe(folder, endpoint.url)
        whole = r1data.build(recipe, out=folder / "whole", engine="pool", workers=2)
        # The servers of one process have their buckets in common.
        address = f"s3://{BUCKET}/builds/{folder.name}"
        lines = commands(recipe, address, engine)
        before = endpoint.server.requests
        for number in range(kills):
            # Another machine watches a lock before it takes it for that of a dead one.
            watch = WATCH_SECONDS if number else 0.0
            killed(lines, folder, told, watch + chance.uniform(2.0, most))
        began = time.monotonic()
        codes = finished(lines, folder, told)
        took = time.monotonic() - began
        build = brought(address, folder, told)
        lines_of = paid(build)
        return {
            "engine": engine,
            "kills": kills * len(lines),
            "codes": codes,
            "same": release_digest(build / "9.release") == release_digest(whole.release),
            "answers": len(lines_of),
            "in_the_store_and_asked_again": lines_of.total() - len(lines_of),
            "asked_in_all": endpoint.server.requests - before,
            "last_seconds": round(took, 1),
            "said": [
                path.read_text()[-300:] for path in sorted(folder.glob("out.*")) if any(codes)
            ],
        }


def main() -> None:
    """Print what became of a build that was killed again and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("inline", "pool", "part"), default="pool")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--most", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        found = try_kills(Path(text), given.engine, given.kills, given.most, given.seed)
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()

"""The teacher's client against AsyncOpenAI.chat.completions.create: same bodies, same server.

    PYTHONPATH=. python benchmarks/teacher.py                       CPU and rate, interleaved
    PYTHONPATH=. python benchmarks/teacher.py --in-flight 1024 --requests 8192 --only ours
    PYTHONPATH=. python benchmarks/teacher.py --limit 150           a server with a rate limit
    PYTHONPATH=. python benchmarks/teacher.py --shards              one to three shards at once

Each request carries 16 JPEGs, 585 kB as JSON. Every run is a process of its own, so that CPU and
memory are its alone; the server (tests/endpoint.py) is another. Rates are those that the server
saw over the middle half of its requests.
"""

import argparse
import asyncio
import base64
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FRAMES, JPEG_BYTES, ROWS = 16, 27_400, 64
OPTIONS = {"model": "m", "prompt": "video-r1", "temperature": 1.0, "top_p": 0.95, "max_tokens": 512}


def main() -> None:
    options = arguments()
    if options.shards:
        for answers, jitter, cells in itertools.product((1, 4), (0.0, 0.5), (1, 2, 3)):
            print(json.dumps(ask_shards(cells, answers, jitter)), flush=True)
        return
    if options.child:
        run_child(options)
        return
    for number in range(options.rounds):
        for client in [options.only] if options.only else ["ours", "create"]:
            print(f"round {number + 1}", client, json.dumps(run(client, options)), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--requests", type=int, default=2048)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--limit", type=float, default=0.0, help="requests a second")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=["ours", "create"])
    parser.add_argument("--shards", action="store_true")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def ask_shards(cells: int, answers: int, jitter: float) -> dict[str, Any]:
    """Ask about 8 shards of 55 rows, `cells` at once, 64 requests in flight, 1 s latency in mean.

    `jitter` seconds of it vary exponentially.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    from asking import grid

    from r1data.grid.driver import Driver
    from r1data.grid.engines.pool import Pool

    serve = [sys.executable, str(ROOT / "tests" / "endpoint.py"), "--jitter", str(jitter)]
    serve += ["--latency", str(1 - jitter)]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    pool = Pool(2)
    try:
        with tempfile.TemporaryDirectory() as folder:
            told = {"responses": {"lanes": [{"url": f"{url}/v1", "concurrency": 64}]}}
            began = time.monotonic()
            Driver(grid(8, 55, cells, n=answers), Path(folder), pool, told).run()
            seconds = round(time.monotonic() - began, 1)
        with urllib.request.urlopen(f"{url}/stats") as reply:
            stats = json.load(reply)
    finally:
        pool.close()
        server.kill()
        server.wait()
    ideal = round(8 * 55 * answers / 64, 1)
    told = {"cells": cells, "n": answers, "jitter": jitter, "seconds": seconds, "ideal": ideal}
    return told | stats


def run(client: str, options: argparse.Namespace) -> dict[str, Any]:
    """Start a server and a client; return what both measured."""
    serve = [sys.executable, str(ROOT / "tests" / "endpoint.py"), "--latency", str(options.latency)]
    serve += ["--rate", str(options.limit)]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    try:
        child = [sys.executable, __file__, "--child", client, "--url", f"{url}/v1"]
        child += ["--in-flight", str(options.in_flight), "--requests", str(options.requests)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        told = subprocess.run(child, check=True, stdout=subprocess.PIPE, env=environment).stdout
        with urllib.request.urlopen(f"{url}/stats") as reply:
            stats = json.load(reply)
    finally:
        server.kill()
        server.wait()
    ideal = options.limit or options.in_flight / options.latency
    shares = {
        "of_ideal": round(stats["mid_rate"] / ideal, 3),
        "refused_per_accepted": round(stats["refused"] / stats["accepted"], 3),
    }
    return json.loads(told) | {"accepted": stats["accepted"]} | shares


def run_child(options: argparse.Namespace) -> None:
    """Ask in this process and print CPU, time and memory."""
    pictures = [random.Random(i).randbytes(JPEG_BYTES) for i in range(FRAMES)]
    client = ask_ours if options.child == "ours" else ask_create
    memory: list[float] = []
    threading.Thread(target=watch_memory, args=(memory,), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        ask = client(pictures, options, Path(folder))
        cpu, began = time.process_time(), time.monotonic()
        ask()
        seconds = time.monotonic() - began
        cpu = time.process_time() - cpu
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    quarter = len(memory) // 4
    result = {
        "cpu_ms_a_request": round(1000 * cpu / options.requests, 2),
        "seconds": round(seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "memory_mb_second_and_last_quarter": [
            round(max(memory[quarter : 2 * quarter], default=0.0)),
            round(max(memory[3 * quarter :], default=0.0)),
        ],
        "disk_kb_a_request": round(disk / options.requests / 1000, 2),
    }
    print(json.dumps(result))


def watch_memory(samples: list[float]) -> None:
    page = resource.getpagesize()
    while True:
        resident = Path("/proc/self/statm").read_text().split()[1]
        samples.append(int(resident) * page / 1e6)
        time.sleep(0.25)


def ask_ours(pictures: list[bytes], options: argparse.Namespace, folder: Path) -> Any:
    """Return the call that asks through the stage, journal and table included."""
    import pyarrow as pa

    from r1data.grid.build import Cell
    from r1data.schema import arrow_schema
    from r1data.teacher import sender  # noqa: F401 - imports are not what is measured
    from r1data.teacher.stage import ask_teacher

    frames = [
        {"bytes": jpeg, "time": i / 4, "index": 8 * i, "width": 448, "height": 224}
        for i, jpeg in enumerate(pictures)
    ]
    rows = [
        {
            "id": f"b/{i}",
            "problem": f"Question {i}?",
            "options": [],
            "problem_type": "free-form",
            "data_type": "video",
        }
        for i in range(ROWS)
    ]
    taken = [{"id": row["id"], "sampler": "u", "frames": frames} for row in rows]
    tables = (
        pa.Table.from_pylist(rows, arrow_schema("sample")),
        pa.Table.from_pylist(taken, arrow_schema("frames")),
    )
    lanes = [{"url": options.url, "concurrency": options.in_flight}]
    given = {**OPTIONS, "n": options.requests // ROWS}
    cell = Cell("responses", "00000", given, {"lanes": lanes}, folder, folder / "6.responses")
    return lambda: ask_teacher(*tables, cell=cell)


def ask_create(pictures: list[bytes], options: argparse.Namespace, folder: Path) -> Any:
    """Return the call that asks through chat.completions.create, from JPEG bytes to text."""
    import openai

    async def one(client: openai.AsyncOpenAI, gate: asyncio.Semaphore, number: int) -> None:
        async with gate:
            content: list[Any] = [
                {
                    "type": "image_url",
                    "image_url": {
                        "url": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
                    },
                }
                for jpeg in pictures
            ]
            content.append({"type": "text", "text": f"Question {number}?"})
            await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": content}],
                temperature=1.0,
                top_p=0.95,
                max_tokens=512,
            )

    async def everything() -> None:
        client = openai.AsyncOpenAI(base_url=options.url, api_key="x", max_retries=8)
        gate = asyncio.Semaphore(options.in_flight)
        await asyncio.gather(*(one(client, gate, i) for i in range(options.requests)))
        await client.close()

    return lambda: asyncio.run(everything())


if __name__ == "__main__":
    main()

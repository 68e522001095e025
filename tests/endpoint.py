"""A small OpenAI-compatible server that can be told to misbehave: real sockets, real HTTP.

`Endpoint` runs it on a thread, `python tests/endpoint.py --latency 2` in a process of its own.
"""

import argparse
import asyncio
import collections
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from r1data.teacher.canary import Form, make_canary

# The stages that send a canary.
ASKING = ("responses", "revised", "preferences", "reworded", "blind", "few_frame")
ASKING += ("shuffled", "pass_rate", "eval")
ANSWER = "<think>I looked at it.</think>\n<answer>42</answer>"


@dataclass
class Reply:
    """What goes over the wire; status 0 drops the connection, -1 never answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    half: bool = False  # send half of the body and close


def completion(
    text: str | None = ANSWER,
    finish_reason: str = "stop",
    tokens: tuple[int, int] | None = (100, 20),
    choices: int = 1,
    **message: Any,
) -> Reply:
    """Return a chat completion."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish_reason,
    }
    reply: dict[str, Any] = {"id": "x", "object": "chat.completion", "model": "served-model"}
    reply["choices"] = [choice] * choices
    if tokens is not None:
        reply["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return Reply(body=json.dumps(reply).encode())


def error(status: int, message: str, code: str | None = None, **headers: str) -> Reply:
    """Return an error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "type": "x", "code": code}}).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def parts_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the content parts of a request's one message; a plain string is a text part."""
    content = payload["messages"][0]["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def seen(payload: dict[str, Any]) -> Reply:
    """Answer a canary as a model does that sees all of it."""
    parts = parts_of(payload)
    for stage in ASKING:
        canary = make_canary(Form(min(2, len(parts) - 1), 32, 32), stage)
        if canary.code in parts[-1]["text"]:
            return completion(f"{canary.code}: {', '.join(map(str, canary.marks))}")
    return completion("I see nothing.")


Behaviour = Callable[["Server", dict[str, Any]], Reply]


def proper(server: "Server", payload: dict[str, Any]) -> Reply:
    """Answer as a good server does."""
    return completion()


@dataclass
class Server:
    """`behave` gets the server, for its counts, and the parsed request.

    A build's canary is not counted and answered by what it shows, unless `canaries` is set.
    """

    behave: Behaviour = proper
    latency: float = 0.0
    jitter: float = 0.0  # mean of what comes on top of the latency, exponential as queues are
    most: int = 1_000_000  # in flight; above that 429
    rate: float = 0.0  # accepted requests a second; above that 429
    retry_after: bool = True
    key: str = ""
    keep_payloads: bool = True
    canaries: bool = False
    owner: str = "somebody"
    requests: int = 0
    accepted: int = 0
    refused: int = 0
    active: int = 0
    peak: int = 0
    bucket: float = 10.0
    filled: float = 0.0
    seen: collections.Counter[str] = field(default_factory=collections.Counter)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    # The Batch API: a batch is over so many seconds after it was asked for.
    batch_seconds: float = 0.0
    batch_end: str = "completed"  # or expired after every other request, or failed
    crowded: int = 0  # so many batches are turned away for the tokens that wait
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost_replies: set[str] = field(default_factory=set)  # steps done without an answer, once
    times: list[float] = field(default_factory=list)
    # As vLLM: so many at work, the others wait, nobody is refused, and /metrics tells how many.
    slots: int = 0
    free: asyncio.Semaphore | None = None
    working: int = 0
    queues: list[int] = field(default_factory=list)
    metrics: str = ""  # instead of the true ones

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if path == "/stats":
            return Reply(body=json.dumps(self.stats()).encode())
        if path == "/metrics":
            told = self.metrics or self.prometheus()
            return Reply(body=told.encode()) if self.slots else error(404, "Not Found")
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Incorrect API key provided", "invalid_api_key")
        if path == "/v1/models":
            return Reply(
                body=json.dumps(
                    {"object": "list", "data": [{"id": "m", "owned_by": self.owner}]}
                ).encode()
            )
        if path.startswith(("/v1/files", "/v1/batches")):
            return self.batch_api(method, path, headers, body)
        if path != "/v1/chat/completions":
            return error(404, f"no such route: {method} {path}")
        if b"The code word is" in body and not self.canaries:
            return seen(json.loads(body))
        self.requests += 1
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            return await (self.queue(body) if self.slots else self.complete(body))
        finally:
            self.active -= 1

    async def queue(self, body: bytes) -> Reply:
        """Wait for a slot, then answer."""
        self.free = self.free or asyncio.Semaphore(self.slots)
        self.queues.append(self.active - self.working - 1)
        async with self.free:
            self.working += 1
            try:
                return await self.complete(body)
            finally:
                self.working -= 1

    def prometheus(self) -> str:
        """Return the gauges of two engines, as vLLM's page of metrics has them."""
        lines = ["# HELP vllm:num_requests_running Number of requests in model execution batches."]
        lines += ["# TYPE vllm:num_requests_running gauge"]
        told = {"running": self.working, "waiting": self.active - self.working}
        for name, value in told.items():
            for engine, part in enumerate((value - value // 2, value // 2)):
                label = f'{{engine="{engine}",model_name="m"}}'
                lines.append(f"vllm:num_requests_{name}{label} {float(part)}")
        lines.append('vllm:num_requests_waiting_by_reason{reason="capacity"} 77.0')
        return "\n".join(lines) + "\n"

    async def complete(self, body: bytes) -> Reply:
        if self.active > self.most or not self.within_rate():
            self.refused += 1
            return error(429, "slow down", **({"Retry_After": "1"} if self.retry_after else {}))
        payload = json.loads(body) if self.keep_payloads else {}
        if self.keep_payloads:
            self.payloads.append(payload)
        self.times.append(time.monotonic())
        reply = self.behave(self, payload)
        if self.latency:
            more = random.expovariate(1 / self.jitter) if self.jitter else 0.0
            await asyncio.sleep(self.latency + more)
        if reply.status == -1:
            await asyncio.sleep(3600)
        self.accepted += reply.status == 200
        return reply

    def batch_api(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """POST /files, GET /files/ID/content, POST and GET /batches, GET /batches/ID."""
        step = f"{method} {path.split('/')[2]}"
        self.seen[step] += 1
        parts = path.removeprefix("/v1/").split("/")
        if step == "POST files":
            found: Any = self.upload(headers, body)
        elif step == "POST batches":
            found = self.create_batch(json.loads(body))
        elif parts[0] == "files":
            return Reply(body=self.files[parts[1]])
        elif len(parts) == 1:
            found = {"object": "list", "data": list(self.batches.values()), "has_more": False}
        else:
            found = self.batches[parts[1]] = self.worked(self.batches[parts[1]])
        if step in self.lost_replies:
            self.lost_replies.discard(step)
            return Reply(-1)
        return Reply(body=json.dumps(found).encode(), headers={"Content-Type": "application/json"})

    def upload(self, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        boundary = headers["content-type"].partition("boundary=")[2].encode()
        pieces = [piece.partition(b"\r\n\r\n") for piece in body.split(b"--" + boundary)]
        content = next(rest[:-2] for head, _, rest in pieces if b"filename=" in head)
        name = f"file-{len(self.files)}"
        self.files[name] = content
        facts = {"object": "file", "bytes": len(content), "created_at": 0, "filename": "x"}
        return {"id": name, "purpose": "batch", "status": "processed", **facts}

    def create_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        name = f"batch-{len(self.batches)}"
        facts = {"object": "batch", "created_at": int(time.time()), "status": "in_progress"}
        self.batches[name] = {"id": name, **facts, **request}
        self.times.append(time.monotonic())
        self.batches[name]["due"] = time.monotonic() + self.batch_seconds
        return self.batches[name]

    def worked(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Work through a batch that is due; output and errors come in the reverse order."""
        if batch["status"] != "in_progress" or time.monotonic() < batch["due"]:
            return batch
        if self.crowded or self.batch_end == "failed":
            code = "token_limit_exceeded" if self.crowded else "invalid_json_line"
            self.crowded -= bool(self.crowded)
            faults = {"object": "list", "data": [{"code": code, "message": "no room or no good"}]}
            return {**batch, "status": "failed", "errors": faults}
        lines = self.files[batch["input_file_id"]].splitlines()
        entries = [self.batch_entry(number, json.loads(line)) for number, line in enumerate(lines)]
        done: dict[str, Any] = {"status": self.batch_end}
        for kind, good in (("output_file_id", True), ("error_file_id", False)):
            chosen = [e for e in entries if bool(e["response"] and not e["error"]) is good]
            name = f"file-{len(self.files)}"
            text = b"".join(json.dumps(entry).encode() + b"\n" for entry in reversed(chosen))
            self.files[name] = text
            done[kind] = name if chosen else None
        return {**batch, **done}

    def batch_entry(self, number: int, line: dict[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {"id": f"r{number}", "custom_id": line["custom_id"], "error": None}
        if self.batch_end == "expired" and number % 2:
            problem = {"code": "batch_expired", "message": "too late"}
            return {**entry, "response": None, "error": problem}
        self.requests += 1
        self.payloads.append(line["body"])
        reply = self.behave(self, line["body"])
        self.accepted += reply.status == 200
        response = {"status_code": reply.status, "body": json.loads(reply.body)}
        problem = None if reply.status == 200 else {"code": "x", "message": "see body"}
        return {**entry, "response": response, "error": problem}

    def within_rate(self) -> bool:
        """A token bucket that holds a tenth of a second's worth."""
        if not self.rate:
            return True
        now = time.monotonic()
        self.bucket = min(self.rate / 10, self.bucket + (now - self.filled) * self.rate)
        self.filled = now
        if self.bucket < 1:
            return False
        self.bucket -= 1
        return True

    def stats(self) -> dict[str, Any]:
        spread = self.times[len(self.times) // 4 : 3 * len(self.times) // 4]
        mid = (len(spread) - 1) / (spread[-1] - spread[0]) if len(spread) > 2 else 0.0
        names = ("requests", "accepted", "refused", "active", "peak")
        return {name: getattr(self, name) for name in names} | {"mid_rate": round(mid, 2)}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        pairs = [line.partition(":") for line in head[1:]]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        reply = await self.answer(method, target.split("?")[0], headers, body)
        if reply.status == -1:
            await asyncio.sleep(3600)
        if reply.status == 0:
            writer.transport.abort()
            return False
        lines = [f"HTTP/1.1 {reply.status} -", f"Content-Length: {len(reply.body)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        payload = reply.body[: len(reply.body) // 2] if reply.half else reply.body
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        await writer.drain()
        return not reply.half


class Endpoint:
    """A Server on a thread; use as a context manager. `url` ends in /v1."""

    def __init__(self, server: Server, port: int = 0) -> None:
        self.server = server
        self.port = port
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.main())
        self.loop.close()

    async def main(self) -> None:
        self.stopped = asyncio.Event()
        listening = await asyncio.start_server(
            self.server.serve, "127.0.0.1", self.port, limit=2**20, backlog=4096
        )
        self.port = listening.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopped.wait()
        listening.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> "Endpoint":
        self.thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(10)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--no-retry-after", action="store_true")
    options = parser.parse_args()
    server = Server(
        latency=options.latency,
        jitter=options.jitter,
        most=options.most,
        rate=options.rate,
        retry_after=not options.no_retry_after,
        keep_payloads=False,
    )
    listening = await asyncio.start_server(
        server.serve, "127.0.0.1", options.port, limit=2**20, backlog=4096
    )
    print(listening.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

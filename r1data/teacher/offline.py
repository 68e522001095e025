"""The offline teacher: an OpenAI-compatible server on the loopback address.

It looks at the pixels it is sent, measures, and thinks in words about what it measured; it needs no
key, no GPU and no network, and never learns the truth of a question. Each answer follows from the
request's body alone. With a temperature above 0, answers vary with `seed` (or the number of the
choice): in wording, in what counts as coloured, and one in five is careless and looks at every
second frame only.
"""

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2

from r1data.errors import TeacherStop
from r1data.grid.signals import ctrl_c_spares
from r1data.teacher import seeing
from r1data.teacher.comparing import compare
from r1data.teacher.looking import Look, options_in, question_in, times_in
from r1data.teacher.mended import draft_in, mend
from r1data.teacher.offline_canary import answer_canary
from r1data.teacher.offline_request import MODEL, Asked, Refusal, parse
from r1data.teacher.thinking import Thought, think

# More at once only wait for the interpreter's lock: 18 ms of CPU a request instead of 13.
TURN = threading.Semaphore(2)
LARGEST = 64 * 2**20  # bytes of a request
IMAGE_TOKENS = 128  # of one picture: 100352 pixels at 28 x 28 a token
SIZE = re.compile(r"(\d+) pixels wide and (\d+)(?: pixels)? high", re.IGNORECASE)


# The answer


def answer(asked: Asked) -> dict[str, Any]:
    """Return the body of a chat completion."""
    texts = [completion(asked, choice) for choice in range(asked.choices)]
    tokens_in = len(asked.text) // 4 + IMAGE_TOKENS * len(asked.images)
    cut = [shorten(text, asked.most_tokens) for text in texts]
    tokens_out = sum(len(text) // 4 for text in cut)
    return {
        "id": f"chatcmpl-{asked.seed[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [
            {
                "index": place,
                "message": {"role": "assistant", "content": short, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop" if short == text else "length",
            }
            for place, (short, text) in enumerate(zip(cut, texts, strict=True))
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }


def shorten(text: str, most_tokens: int | None) -> str:
    """Cut a text at 4 characters a token."""
    return text if most_tokens is None else text[: 4 * most_tokens + 3]


def completion(asked: Asked, choice: int) -> str:
    """Return one answer: the thought in think tags, then the answer in answer tags.

    A draft that is to be revised stays where what it measures does not contradict it.
    """
    told = answer_canary(asked.text, asked.images) or compare(asked.text)
    if told is not None:
        return told
    text, draft = draft_in(asked.text)
    if draft is not None:
        thought = consider(
            asked._replace(text=text), random.Random(f"{asked.seed}/{choice}"), 110, 1
        )
        return mend(draft, thought) or tagged(thought)
    rng = random.Random(f"{asked.seed}/{choice}")
    careless = not asked.careful and rng.random() < 0.2 and len(asked.images) > 2
    saturation = 110 if asked.careful else rng.choice((95, 110, 125))
    return tagged(consider(asked, rng, saturation, 2 if careless else 1))


def tagged(thought: Thought) -> str:
    """Return a thought as text."""
    words = " ".join(thought.lines)
    return f"<think>\n{words}\n</think>\n<answer>{thought.answer}</answer>"


def consider(asked: Asked, rng: random.Random, saturation: int, step: int) -> Thought:
    """Look at every `step`-th picture, measure, and think about the question."""
    frames = tuple(range(0, len(asked.images), step))
    size = stated_size(asked)
    seen = seeing.measure(asked.images, frames, saturation, size)
    look = Look(
        question=question_in(asked.text),
        options=options_in(asked.text),
        tracks=tuple(seeing.follow(seen)),
        frames=frames,
        times=times_in(asked.text),
        blobs=tuple(seen[0]) if seen else (),
        word=seeing.read_word(asked.images[0]) if len(asked.images) == 1 else "",
        size=size,
        rng=rng,
        temperature=asked.temperature,
    )
    return think(look)


def stated_size(asked: Asked) -> tuple[float, float]:
    """Return the width and height that the question speaks of, else those of the first picture."""
    stated = SIZE.search(asked.text)
    if stated:
        return float(stated[1]), float(stated[2])
    if not asked.images:
        return 1.0, 1.0
    return float(asked.images[0].shape[1]), float(asked.images[0].shape[0])


# HTTP


class Teacher(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # a client opens as many connections at once as it has lanes

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show the traceback, unless a client merely hung up (a timeout, a killed build)."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Exchange(BaseHTTPRequestHandler):
    """One connection of a client, which may carry many requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each answer waits 40 ms for the client's ACK
    wbufsize = -1
    timeout = 300

    def do_GET(self) -> None:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "r1data"}
        if self.path == "/v1/models":
            self.reply(200, {"object": "list", "data": [model]})
        elif self.path == f"/v1/models/{MODEL}":
            self.reply(200, model)
        else:
            self.refuse(Refusal(404, "unknown_url", f"nothing stands at GET {self.path}"))

    def do_POST(self) -> None:
        try:
            body = self.body()
            if self.path != "/v1/chat/completions":
                raise Refusal(404, "unknown_url", f"nothing stands at POST {self.path}")
            with TURN:
                done = answer(parse(body))
            self.reply(200, done)
        except Refusal as refusal:
            self.refuse(refusal)

    def body(self) -> bytes:
        """Return the request's body; the connection ends where its length is unknown."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.close_connection = True
            message = f"Content-Length must be a number of bytes up to {LARGEST}, not {length!r}"
            raise Refusal(413 if length.isdigit() else 411, "invalid_length", message)
        return self.rfile.read(int(length))

    def refuse(self, refusal: Refusal) -> None:
        kind = "invalid_request_error"
        error = {"message": str(refusal), "type": kind, "param": None, "code": refusal.code}
        self.reply(refusal.status, {"error": error})

    def reply(self, status: int, content: Mapping[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a build's terminal is no access log."""


@contextmanager
def serve(port: int = 0) -> Iterator[str]:
    """Run the offline teacher in a process of its own and yield its base URL (".../v1").

    Port 0 takes a free one. The server ends with the `with` block, and with this process, however
    that ends: it reads its standard input, which closes when nobody holds the other end any more.
    """
    command = [sys.executable, "-m", "r1data.teacher.offline", "--port", str(port), "--child"]
    with ctrl_c_spares():
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with started as child:
        try:
            url = child.stdout.readline().decode().strip() if child.stdout else ""
            if not url:
                raise TeacherStop(f"the offline teacher did not start on port {port}: see above")
            yield url
        finally:
            child.terminate()


def main() -> None:
    """Serve until interrupted; the base URL is the first line of the output."""
    parser = argparse.ArgumentParser(
        prog="python -m r1data.teacher.offline", description=main.__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--child", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # the pipeline beside it has work for the other cores
    try:
        server = Teacher(("127.0.0.1", arguments.port), Exchange)
    except OSError as problem:
        parser.exit(1, f"cannot listen on port {arguments.port}: {problem.strerror}\n")
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/v1\n")
    sys.stdout.flush()
    if arguments.child:
        # Ctrl-C on the terminal reaches every process; the build still wants its last answers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()

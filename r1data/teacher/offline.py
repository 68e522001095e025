"""The offline teacher: an OpenAI-compatible server on the loopback address.

It looks at the pixels it is sent, measures, and thinks in words about what it measured; it needs no
key, no GPU and no network, and never learns the truth of a question. Each answer follows from the
request's body alone. With a temperature above 0, answers vary with `seed` (or the number of the
choice): in wording, in what counts as coloured, and one in five is careless and looks at every
second frame only.
"""

import argparse
import base64
import binascii
import hashlib
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
from typing import Any, NamedTuple

import cv2
import numpy as np

from r1data.errors import TeacherStop
from r1data.teacher import seeing
from r1data.teacher.looking import Look, options_in, question_in, times_in
from r1data.teacher.thinking import Thought, think

MODEL = "offline"
# More at once only wait for the interpreter's lock: 18 ms of CPU a request instead of 13.
TURN = threading.Semaphore(2)
LARGEST = 64 * 2**20  # bytes of a request
MOST_CHOICES = 128  # what OpenAI's API allows
IMAGE_TOKENS = 128  # of one picture: 100352 pixels at 28 x 28 a token
DATA_URI = re.compile(r"data:image/[a-z+.-]+;base64,")
SIZE = re.compile(r"(\d+) pixels wide and (\d+)(?: pixels)? high", re.IGNORECASE)


class Refusal(Exception):
    """A request that cannot be answered: HTTP status, OpenAI's error code, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Asked(NamedTuple):
    """What a request holds, taken apart."""

    images: list[np.ndarray]
    text: str
    choices: int
    careful: bool  # temperature 0: no variation
    seed: str  # all that the variation may depend on
    most_tokens: int | None


# The request


def parse(body: bytes) -> Asked:
    """Take a request apart, or raise Refusal."""
    try:
        request = json.loads(body)
    except ValueError as problem:
        raise Refusal(400, "invalid_json", f"the body is no JSON: {problem}") from problem
    if not isinstance(request, dict):
        raise Refusal(400, "invalid_type", "the body must be a JSON object")
    if request.get("model") != MODEL:
        message = f"the model {request.get('model')!r} does not exist; there is {MODEL!r}"
        raise Refusal(404, "model_not_found", message)
    if request.get("stream"):
        raise Refusal(400, "unsupported_value", "'stream' is not supported here")
    images, texts = parts(request)
    return Asked(
        images=images,
        text="\n".join(texts),
        choices=number(request, "n", 1, MOST_CHOICES) or 1,
        careful=temperature(request) == 0,
        seed=hashlib.sha256(body).hexdigest(),
        most_tokens=number(request, "max_completion_tokens", 1) or number(request, "max_tokens", 1),
    )


def number(request: Mapping[str, Any], key: str, least: int, most: int = 10**9) -> int | None:
    """Return a whole number of the request, None where it is absent."""
    value = request.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        message = f"'{key}' must be a whole number from {least} to {most}, not {value!r}"
        raise Refusal(400, "invalid_value", message)
    return value


def temperature(request: Mapping[str, Any]) -> float:
    """Return the temperature; 1 where the request has none, as with OpenAI."""
    value = request.get("temperature")
    if value is None:
        return 1.0
    if not isinstance(value, int | float) or not 0 <= value <= 2:
        message = f"'temperature' must be a number from 0 to 2, not {value!r}"
        raise Refusal(400, "invalid_value", message)
    return float(value)


def parts(request: Mapping[str, Any]) -> tuple[list[np.ndarray], list[str]]:
    """Return the pictures and the texts of the user's messages, in order."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "missing_required_parameter", "'messages' must be a list with messages")
    images, texts = [], []
    for message in messages:
        if not isinstance(message, dict) or "role" not in message:
            raise Refusal(400, "invalid_type", "each message must be an object with a 'role'")
        if message["role"] != "user":
            continue
        content = message.get("content")
        pieces = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for piece in pieces if isinstance(pieces, list) else [None]:
            kind = piece.get("type") if isinstance(piece, dict) else None
            if isinstance(piece, dict) and kind == "text" and isinstance(piece.get("text"), str):
                texts.append(piece["text"])
            elif isinstance(piece, dict) and kind == "image_url":
                images.append(picture(piece, len(images) + 1))
            else:
                raise Refusal(400, "invalid_type", f"a content part of type {kind!r} is unknown")
    if not texts:
        raise Refusal(400, "missing_required_parameter", "no user message holds any text")
    return images, texts


def picture(piece: Mapping[str, Any], place: int) -> np.ndarray:
    """Decode the data URI of an `image_url` part."""
    where = piece.get("image_url")
    uri = where.get("url") if isinstance(where, dict) else None
    head = DATA_URI.match(uri) if isinstance(uri, str) else None
    if not isinstance(uri, str) or head is None:
        message = f"picture {place}: only data:image/...;base64 URIs are read here"
        raise Refusal(400, "invalid_image_url", message)
    try:
        image = seeing.decode(base64.b64decode(uri[head.end() :], validate=True))
    except binascii.Error as problem:
        message = f"picture {place}: broken base64: {problem}"
        raise Refusal(400, "invalid_base64", message) from problem
    if image is None:
        raise Refusal(400, "invalid_image", f"picture {place}: the bytes are no picture")
    return image


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
    """Return one answer: the thought in think tags, then the answer in answer tags."""
    rng = random.Random(f"{asked.seed}/{choice}")
    careless = not asked.careful and rng.random() < 0.2 and len(asked.images) > 2
    saturation = 110 if asked.careful else rng.choice((95, 110, 125))
    thought = consider(asked, rng, saturation, 2 if careless else 1)
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
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
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

"""Ask a model folder on this machine, with native video, through r1data.train's encode."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data.evaluate.asking import Kept, Responses
from r1data.evaluate.progress import refuse_stopped
from r1data.grid.shards import digest_of, file_sha256
from r1data.teacher.counts import Counts
from r1data.teacher.faults import Kind, Outcome, Usage
from r1data.teacher.journal import Journal, look_up, read_journals, response_record
from r1data.teacher.prompts import Prompt
from r1data.teacher.requests import Ask, request_key

if TYPE_CHECKING:
    from r1data.train.encode import Encoded
    from r1data.train.model import Model


def refuse_unusable(folder: Path) -> None:
    """Raise InputError where a folder is no vision model that can be asked here."""
    from r1data.errors import load_package
    from r1data.train.model import INSTALL, load_config

    load_package("torch", INSTALL)
    load_package("transformers", INSTALL)
    load_config(str(folder))


def weights_digest(folder: Path) -> str:
    """Return a digest of a model folder's files: other weights are another model."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return digest_of([[path.name, file_sha256(path)] for path in files])[:16]


def ask_local(
    questions: Sequence[Kept],
    name: str,
    params: Mapping[str, Any],
    prompt: Prompt,
    how: Mapping[str, Any],
    out: Path,
    counts: Counts,
) -> Responses:
    """Return id -> response; what the journal in `out` holds is not asked again.

    `how` holds model (its folder), device, dtype, batch, seed and max_pixels. `name` is that of
    the weights; `counts` are brought up to date for whoever watches. Raises Interrupted.
    """
    folder = out / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    asks = [Ask(request_key(name, each, params, 0), each, 0) for each in questions]
    index = read_journals(folder)
    found = {ask.key: look_up(index, ask.key) for ask in asks}
    missing = [ask for ask in asks if found[ask.key] is None]
    counts.found = counts.answered = len(asks) - len(missing)
    if missing:
        from r1data.train.model import load_model

        model = load_model(how["model"], how["device"], how["dtype"])
        journal = Journal(folder / "local.journal.jsonl")
        try:
            for start in range(0, len(missing), how["batch"]):
                part = missing[start : start + how["batch"]]
                refuse_stopped(out)
                for ask, outcome in zip(part, outcomes(model, part, params, how), strict=True):
                    record = response_record(ask.key, ask, name, prompt.sha256, "local", outcome)
                    journal.append({**record, "usd": None, "seconds": None, "tries": 1})
                    found[ask.key] = record
                    counts.answered += 1
                    counts.tokens += outcome.usage.total
        finally:
            journal.close()
    return {ask.question.id: found[ask.key] or {} for ask in asks}


def outcomes(
    model: "Model", asks: Sequence[Ask], params: Mapping[str, Any], how: Mapping[str, Any]
) -> list[Outcome]:
    """Let the model answer a batch."""
    from r1data.train.model import sample

    encoded = [encoded_of(model, ask, how["max_pixels"]) for ask in asks]
    done = sample(
        model,
        encoded,
        params["max_tokens"],
        params["temperature"],
        how["seed"],
        params["top_p"],
    )
    return [
        Outcome(
            Kind.ANSWER,
            text=each.text,
            finish_reason="stop" if each.ended else "length",
            served_model=how["model"],
            usage=Usage(one.prompt_length, len(each.tokens)),
        )
        for one, each in zip(encoded, done, strict=True)
    ]


def encoded_of(model: "Model", ask: Ask, max_pixels: int) -> "Encoded":
    """Encode a question: frames with times are one video, without them pictures."""
    from PIL import Image

    from r1data.train.encode import encode

    pictures = ask.question.pictures()
    frames = [Image.open(BytesIO(each.jpeg)) for each in pictures]
    times = [each.time for each in pictures if each.time is not None]
    timed = times if len(times) == len(pictures) else None
    return encode(model, ask.question.bare, frames, timed, max_pixels)

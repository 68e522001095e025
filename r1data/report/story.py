"""One row as people see it: the same plain data for the page, the viewer and a notebook.

A story holds texts as they are; whoever shows them must show them as text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from r1data.labels import LETTERS
from r1data.rewards import extract
from r1data.rewards.choice import meant
from r1data.rewards.consistency import closing_sentences, consistency
from r1data.rewards.thought import thought_of

Row = Mapping[str, Any]
Story = dict[str, Any]
LABELLED = re.compile(r"\s*\(?([A-Z])\s*[.):]\s*(.*)", re.DOTALL)
TRUTH = re.compile(r"\s*<answer>(.*?)</answer>\s*", re.DOTALL)


def build_story(tables: Mapping[str, Sequence[Row]], probes: Sequence[str]) -> Story:
    """Return the story of one sample of a build from its rows in each table, without pictures."""
    sample = tables["samples"][0]
    options = lettered(sample["options"], bare=True)
    verdicts = {row["k"]: row for row in tables.get("verdicts", ())}
    selected = tables.get("balance") or tables.get("selection", ())
    chosen = chosen_answers(selected)
    drafts = {row["k"]: row["text"] for row in tables.get("responses", ())}
    answers = [
        answer_story(sample["problem_type"], options, row, verdicts.get(row["k"]), chosen)
        for row in tables.get("revised") or tables.get("responses", ())
    ]
    for answer in answers:
        draft = drafts.get(answer["k"])
        answer["draft"] = draft if draft != answer["raw"] else None
    return {
        **question_part(sample, options),
        "truth": sample["solution"],
        "frames": frames_part(tables.get("frames", ())),
        "answers": answers,
        "probes": [probe_part(row) for name in probes for row in tables.get(name, ())],
        "dropped": fall(tables),
        "decided": bool(selected),
        **{key: first(tables, "selection", key) for key in ("pass_rate", "order_gain", "kind")},
        "duplicate_of": first(tables, "screen", "duplicate_of")
        or first(tables, "reworded", "duplicate_of"),
        "leaks_into": first(tables, "screen", "leaks_into"),
        "files": [dict(each) for row in tables.get("media", ())[:1] for each in row["files"]],
        "media": [dict(each) for each in sample["media"]],
        "extra": sample["extra"],
    }


def chosen_answers(selected: Sequence[Row]) -> list[int]:
    """Return the answers that were chosen: one, or several where the recipe asks for more."""
    if not selected or selected[0]["k"] is None:
        return []
    return list(selected[0].get("chains") or [selected[0]["k"]])


def question_part(sample: Row, options: Sequence[Mapping[str, str]]) -> Story:
    """Return what the question says of itself."""
    return {
        "id": sample["id"],
        "source": sample["source"],
        "split": sample["split"],
        "type": sample["problem_type"],
        "medium": sample["data_type"],
        "question": sample["problem"],
        "options": list(options),
        "license": sample["license"],
        "origin": sample["origin"],
    }


def first(tables: Mapping[str, Sequence[Row]], stage: str, key: str) -> Any:
    """Return one value of a sample's row in a table, None where there is no such row."""
    return next((row.get(key) for row in tables.get(stage, ())), None)


def fall(tables: Mapping[str, Sequence[Row]]) -> dict[str, str] | None:
    """Return where a sample fell out: the first table, in order of stages, that gives a reason."""
    for stage, rows in tables.items():
        if rows and rows[0].get("drop_reason"):
            reason, detail = rows[0]["drop_reason"], rows[0]["drop_detail"]
            return {"stage": stage, "reason": reason, "detail": detail}
    return None


def frames_part(rows: Sequence[Row]) -> Story:
    """Return what is known of a sample's frames, without their pictures."""
    if not rows:
        return {"list": [], "sampler": None, "decoder": None}
    keys = ("time", "index", "width", "height")
    listed = [{key: each[key] for key in keys} for each in rows[0]["frames"]]
    return {"list": listed, "sampler": rows[0]["sampler"], "decoder": rows[0]["decoder"]}


def probe_part(row: Row) -> Story:
    """Return what one probe found."""
    keys = ("probe", "model", "n", "right", "rate", "chance", "by_chance")
    return {key: row[key] for key in keys}


def answer_story(
    kind: str, options: Sequence[Row], response: Row, verdict: Row | None, chosen: Sequence[int]
) -> Story:
    """Return one answer of the teacher with its verdict; the thought comes in three parts."""
    text = response["text"]
    made = thought(kind, text, [each["text"] for each in options])
    facts = ("k", "model", "finish_reason", "tokens_in", "tokens_out", "usd", "seconds", "tries")
    judged = ("reward", "right", "rule", "why", "preset", "version", "seen")
    return {
        **{key: response[key] for key in (*facts, "fault")},
        **made,
        "chosen": response["k"] in chosen,
        "verdict": {key: verdict[key] for key in judged} if verdict else None,
    }


def thought(kind: str, text: str | None, options: list[str]) -> Story:
    """Split an answer: thought before, in and after its conclusion; answer; letter it means."""
    if text is None:
        return {"think": ["", "", ""], "answer": None, "letter": None, "agrees": None, "raw": None}
    think, answer = thought_of(kind, text, options), extract(text).answer
    place = meant(answer, tuple(options)).place if answer and options else None
    concluded = consistency(kind, text, options)
    span = conclusion(kind, think, concluded.concluded, options)
    return {
        "think": parted(think, span),
        "answer": answer,
        "letter": LETTERS[place] if place is not None else None,
        "agrees": concluded.consistent if span else None,
        "raw": text,
    }


def parted(text: str, span: tuple[int, int] | None) -> list[str]:
    """Cut a text in three at a span."""
    start, end = span or (len(text), len(text))
    return [text[:start], text[start:end], text[end:]]


def conclusion(
    kind: str, think: str, concluded: str | None, options: list[str]
) -> tuple[int, int] | None:
    """Return where the sentences stand that the rule of consistency took for the conclusion."""
    if concluded is None:
        return None
    closing = closing_sentences(think)
    if kind == "multiple choice":
        said = [each for each in closing if meant(each, tuple(options)).place is not None][:1]
    else:
        said = [each for each in closing if each in concluded]
    if not said:
        return None
    start, end = think.rfind(said[-1]), think.rfind(said[0]) + len(said[0])
    return (start, end) if 0 <= start < end else None


def lettered(options: Any, bare: bool) -> list[dict[str, str]]:
    """Return options with their letters; those that are not `bare` bring their own."""
    if not isinstance(options, list | tuple):
        return []
    made: list[dict[str, str]] = []
    for letter, option in zip(LETTERS, options, strict=False):
        match = None if bare else LABELLED.fullmatch(str(option))
        shown = {"letter": match[1], "text": match[2]} if match else {"text": str(option)}
        made.append({"letter": letter, **shown})
    return made


def published_story(row: Row, identity: str, source: str) -> Story:
    """Return the story of a published row, or of any row in Video-R1's form."""
    options = lettered(row.get("options"), bare=False)
    kind, solution = str(row.get("problem_type") or ""), str(row.get("solution") or "")
    match = TRUTH.fullmatch(solution)
    return {
        "id": identity,
        "source": source,
        "split": row.get("split"),
        "type": kind,
        "medium": str(row.get("data_type") or ""),
        "kind": row.get("kind"),
        "question": str(row.get("problem") or ""),
        "options": options,
        "truth": match[1].strip() if match else solution,
        "frames": {"list": [], **{key: row.get(key) for key in ("sampler", "decoder")}},
        "answers": published_answers(kind, options, row),
        "probes": [{"chance": None, **each} for each in row.get("probes") or ()],
        "dropped": published_fall(row),
        "decided": True,
        "pass_rate": row.get("pass_rate"),
        "order_gain": row.get("order_gain"),
        "license": row.get("license"),
        "origin": row.get("origin"),
        "media": [{"uri": row["path"]}] if row.get("path") else [],
        "files": [],
    }


def published_fall(row: Row) -> dict[str, str] | None:
    """Return the reason of a row that says it fell out."""
    if not row.get("drop_reason"):
        return None
    detail = str(row.get("drop_detail") or "")
    return {"stage": "", "reason": str(row["drop_reason"]), "detail": detail}


def published_answers(kind: str, options: Sequence[Row], row: Row) -> list[Story]:
    """Return the chain that a row comes with; a row for reinforcement learning has none."""
    teacher = row.get("teacher") if isinstance(row.get("teacher"), Mapping) else None
    process = row.get("process")
    text = (teacher or {}).get("response") or (f"{process}" if process else None)
    if text is None:
        return []
    if process and text == process:
        # the truth stands for the answer in Video-R1's files: a chain was kept where it was right
        text = f"{tagged(str(process))}\n{row.get('solution') or ''}"
    blank = dict.fromkeys(
        ("finish_reason", "tokens_in", "tokens_out", "usd", "seconds", "tries", "fault")
    )
    response = {**blank, "k": 0, "model": (teacher or {}).get("model"), "text": text}
    told = row.get("verdict") if isinstance(row.get("verdict"), Mapping) else None
    verdict = None
    if told or row.get("reward") is not None:
        verdict = {**dict.fromkeys(("right", "rule", "why", "preset", "version", "seen"))}
        verdict |= {key: value for key, value in (told or {}).items() if key in verdict}
        verdict["reward"] = row.get("reward")
    return [answer_story(kind, options, response, verdict, (0,))]


def tagged(process: str) -> str:
    """Put a chain inside think tags where it has none."""
    return process if "<think>" in process else f"<think>{process}</think>"

"""Form, truncation, repetition, templates, and whether a thought concludes with its answer."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from r1data.rewards.consistency import (
    JUDGE_PROMPT,
    agreement,
    consistency,
    endpoint,
    judged_consistency,
)
from r1data.rewards.form import check_form, repetition, truncated
from r1data.rewards.templates import template_phrases

THOUGHT = (
    "The man bends his knees, throws the ball up and catches it again, so I should look at the"
    " hand. It moves down first and then up, which only happens in a dribble."
)


@pytest.mark.parametrize(
    ("completion", "why"),
    [
        ("<think>x</think><answer>A</answer>", "ok"),
        (" <think>x</think>\n\n<answer>A</answer>\n<|im_end|>", "ok"),
        ("A", "no_tags"),
        ("<answer>A</answer>", "no_think"),
        ("<think>x<answer>A</answer>", "no_closing_think"),
        ("<think>x</think>A", "no_answer"),
        ("<think>x</think><answer>A", "no_closing_answer"),
        ("<think>x</think><answer>A</answer><answer>B</answer>", "several_answers"),
        ("<think>x</think><think>y</think><answer>A</answer>", "several_thoughts"),
        ("<answer>A</answer><think>x</think>", "tags_out_of_order"),
        ("Sure: <think>x</think><answer>A</answer>", "text_outside_tags"),
        ("<think> </think><answer>A</answer>", "empty_think"),
        ("<think>x</think><answer> </answer>", "empty_answer"),
    ],
)
def test_the_form_is_one_thought_and_one_answer(completion: str, why: str) -> None:
    form = check_form(completion)
    assert (form.ok, form.why) == (why == "ok", why)


def test_a_cut_completion_is_told_by_the_server_or_by_an_open_tag() -> None:
    whole = "<think>x</think><answer>A</answer>"
    assert truncated(whole, "length")
    assert not truncated(whole, "stop")
    assert not truncated(whole)
    assert truncated("<think>x and then")
    assert truncated("<think>x</think><answer>A")


def test_a_normal_thought_is_not_repetitive() -> None:
    found = repetition(THOUGHT)
    assert (found.share, found.loop, found.repetitive) == (0.0, None, False)


@pytest.mark.parametrize(
    "unit", ["wait, ", "Let me look at the frame again.\n", "猫がいる。", "na"]
)
def test_a_loop_at_the_end_is_found(unit: str) -> None:
    found = repetition(THOUGHT + unit * 30)
    assert found.loop is not None
    assert found.repetitive


def test_a_line_of_dashes_is_no_loop() -> None:
    assert repetition(THOUGHT + "-" * 200).loop is None


def test_passages_that_come_again_are_counted_by_their_words() -> None:
    again = " ".join(THOUGHT.split()[:20])
    assert repetition(f"{THOUGHT} Then: {again}").share == pytest.approx(20 / 54)


def test_phrases_that_many_completions_share_are_found_whole() -> None:
    texts = [
        f"Okay, so I need to figure out what number {number} does here, in {number} ways."
        for number in range(20)
    ]
    texts += [f"Nothing {number} in common {number} at {number} all" for number in range(20)]
    found = template_phrases(texts)
    assert [(each.phrase, each.completions, each.share) for each in found] == [
        ("okay so i need to figure out what number", 20, 0.5)
    ]
    assert template_phrases(texts[:1]) == []


OPTIONS = ["A. dunking a basketball", "B. dribbling a basketball"]


@pytest.mark.parametrize(
    ("kind", "think", "answer", "consistent"),
    [
        ("multiple choice", "It could be A. But the ball bounces. So the answer is B.", "B", True),
        ("multiple choice", "It could be B. But he jumps. So the answer is A.", "B", False),
        ("multiple choice", "First he runs. The man is dribbling a basketball.", "B", True),
        ("multiple choice", "Hard to see anything.", "B", None),
        ("numerical", "There are 3 cats and 2 dogs. So 3 + 2 = 5.", "5", True),
        ("numerical", "There are 3 cats and 2 dogs. So the total is 6.", "5", False),
        ("numerical", "The price is $4,656.00 in the end.", "4656", True),
        ("numerical", "Hard to count.", "5", None),
        ("regression", "The room is about 4.5 m wide.", "4.5", True),
        ("free-form", "He picks something up. It is a red ball.", "a red ball", True),
        ("free-form", "He picks something up. It is a knife.", "a red ball", False),
    ],
)
def test_the_last_sentences_tell_what_a_thought_concludes(
    kind: str, think: str, answer: str, consistent: bool | None
) -> None:
    completion = f"<think>{think}</think><answer>{answer}</answer>"
    options = OPTIONS if kind == "multiple choice" else ()
    assert consistency(kind, completion, options).consistent is consistent


def test_without_thought_or_answer_nothing_is_compared() -> None:
    assert consistency("numerical", "<think>5</think>").why == "no_answer"
    assert consistency("numerical", "<answer>5</answer>").why == "no_thought"


UNCLEAR = "<think>Hard to see anything.</think><answer>B</answer>"


@pytest.fixture
def judge_url() -> Iterator[str]:
    """An OpenAI-compatible server that says no to what is hard to see, and else yes."""

    class Judge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = body["messages"][0]["content"]
            word = "<think>hm</think>No." if "Hard to see" in prompt else "Yes."
            choice = {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": word},
            }
            reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "judge"}
            text = json.dumps({**reply, "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_judge_is_asked_where_the_rule_cannot_tell_and_is_stored_with_its_verdict(
    judge_url: str,
) -> None:
    with endpoint(judge_url, "none", "judge") as ask:
        cases = [
            ("multiple choice", UNCLEAR, OPTIONS, False),
            ("multiple choice", UNCLEAR.replace("Hard", "Easy"), OPTIONS, True),
            ("multiple choice", UNCLEAR.replace("Hard", "So easy"), OPTIONS, False),
        ]
        known = agreement(cases, ask)
        assert known == (pytest.approx(2 / 3), 3)
        found = judged_consistency("multiple choice", UNCLEAR, OPTIONS, ask, "judge", known)
    assert (found.consistent, found.why) == (False, "judged")
    assert found.judge is not None
    assert (found.judge.model, found.judge.prompt) == ("judge", JUDGE_PROMPT)
    assert (found.judge.agreement, found.judge.measured_on) == known
    assert len(found.judge.prompt_sha256) == 64


def test_a_judge_is_not_asked_where_the_rule_can_tell() -> None:
    asked = []
    completion = "<think>The answer is B.</think><answer>B</answer>"
    found = judged_consistency("multiple choice", completion, OPTIONS, asked.append, "judge")
    assert (found.consistent, found.judge, asked) == (True, None, [])


def test_a_judge_that_does_not_commit_leaves_it_open() -> None:
    found = judged_consistency("multiple choice", UNCLEAR, OPTIONS, lambda _: "Well...", "judge")
    assert (found.consistent, found.why) == (None, "judge_unclear")

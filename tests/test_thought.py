"""The thought of a response: one reading of it, in whatever form models and servers give it."""

import json
from pathlib import Path
from typing import Any

import pytest

from r1data.rewards import extract, verify
from r1data.rewards.thought import thought_of, thought_words
from r1data.teacher.messages import message_text

OPTIONS = ["red", "blue", "green"]
SEEN = "The disc looks warm and bright."
ROUND = "The disc is red."


@pytest.mark.parametrize(
    ("response", "thought"),
    [
        # in tags, in their many spellings
        (f"<think>{SEEN}</think>\n<answer>A</answer>", SEEN),
        (f"<think>\n{SEEN}\n</think>\n\nA", SEEN),
        (f"<THINK>{SEEN}</THINK><ANSWER>A</ANSWER>", SEEN),
        (f"{SEEN}\n</think>\n\n<answer>A</answer>", SEEN),
        (f"<think>{SEEN} <answer>A</answer>", SEEN),
        (f"<think>{SEEN} <answer>A</answer></think><answer>A</answer>", SEEN),
        (f"Sure: <think>{SEEN}</think><answer>A</answer>", SEEN),
        ("<think>It is warm.</think><think>So, red.</think>A", "It is warm.\n\nSo, red."),
        ("<think>Not <answer>B</answer> I see.</think>A", "Not B I see."),
        (f"<think>{SEEN}<|im_end|></think><answer>A</answer>", SEEN),
        (f"<thinking>{SEEN}</thinking>\n<answer>A</answer>", SEEN),
        (f"<thought>{SEEN}</thought>\nA", SEEN),
        (f"<reasoning>{SEEN}</reasoning> <answer>A</answer>", SEEN),
        (f"<analysis>{SEEN}</analysis> <answer>A</answer>", SEEN),
        (f"<thought_process>{SEEN}</thought_process>\nA", SEEN),
        (f"[THINK]{SEEN}[/THINK]A", SEEN),
        (f"◁think▷{SEEN}◁/think▷A", SEEN),
        (f"<|begin_of_thought|>{SEEN}<|end_of_thought|>A", SEEN),
        (f"<unused94>thought\n{SEEN}<unused95>A", SEEN),
        (
            f"<|channel|>analysis<|message|>{SEEN}<|end|><|start|>assistant<|channel|>final"
            "<|message|>A",
            SEEN,
        ),
        # tags that hold next to nothing: the words before the answer
        (f"<think>\n\n</think>\n\n{SEEN}\n<answer>A</answer>", SEEN),
        (f"<think>.</think>{SEEN} The answer is A.", SEEN),
        (f"<think>Okay.</think>{SEEN}\n\n**A**", SEEN),
        (f"{SEEN} <think></think><answer>A</answer>", SEEN),
        # words, then an answer in tags
        (f"{SEEN}\n<answer>A</answer>", SEEN),
        (f"{SEEN}\n<answer>A", SEEN),
        (f"{SEEN} So the final answer is <answer>A</answer>", SEEN),
        (f"{SEEN}\n\n**Final Answer:**\n\n<answer>A</answer>", SEEN),
        (f"{SEEN} The answer is A.\n<answer>A</answer>", SEEN),
        (f"{SEEN}<answer>A</answer> <answer>A</answer>", SEEN),
        ("It is <answer>B</answer> or rather <answer>A</answer>", "It is B or rather"),
        # words, then an answer in words
        (f"{SEEN} The answer is A.", SEEN),
        (f"{SEEN}\n\nAnswer: A", SEEN),
        (f"{SEEN}\n\n**Answer:** A", SEEN),
        (f"{SEEN}\n\n**Answer: (A)**", SEEN),
        (f"{SEEN}\n\n### Answer\n\nA. red", SEEN),
        (f"{SEEN}\n\nA", SEEN),
        (f"{SEEN}\n---\n**A. red**", SEEN),
        (f"{SEEN}\n\n**A**", SEEN),
        (f"{SEEN}\n\n\\boxed{{A}}", SEEN),
        (f"{SEEN} So the answer is $\\boxed{{\\text{{A}}}}$.", SEEN),
        (f"{SEEN} I would choose option A.", SEEN),
        (f"{SEEN} Therefore, the correct option is A. red", SEEN),
        (f"{SEEN} The answer is A. Let me know if I can help!", SEEN),
        (f"{SEEN} It is red.", SEEN),
        ("It looks warm and bright, so the answer is A.", "It looks warm and bright"),
        ("It looks warm and bright, which is option A.", "It looks warm and bright"),
        ("Since it looks warm, the answer is A.", "Since it looks warm"),
        ("The disc looks warm → A", "The disc looks warm"),
        ("圆盘看起来很暖。所以答案是A。", "圆盘看起来很暖。"),
        ("圆盘看起来很暖，因此答案：A", "圆盘看起来很暖"),
        ("Die Scheibe sieht warm aus. Die Antwort ist A.", "Die Scheibe sieht warm aus."),
        ("Le disque semble chaud. La réponse est A.", "Le disque semble chaud."),
        ("Parece muy cálido. Respuesta: A", "Parece muy cálido."),
    ],
)
def test_the_thought_is_taken_from_where_it_stands(response: str, thought: str) -> None:
    assert thought_of("multiple choice", response, OPTIONS) == thought
    assert thought_words(thought) >= 3


@pytest.mark.parametrize(
    "response",
    [
        "A",
        "**A**",
        "(A)",
        "A. red",
        "Red",
        "The answer is A.",
        "Answer: A",
        "答案：A",
        "\\boxed{A}",
        "Based on the video, the answer is A.",
        "In the end I would choose A",
        "<answer>A</answer>",
        "<answer>A</answer> The disc is red because its pixels are.",
        "The answer is A.\n<answer>A</answer>",
        "<think></think><answer>A</answer>",
        "<think>\n\n</think>\n\n<answer>A</answer>",
        "<think>.</think><answer>A</answer>",
        "<think>...</think><answer>A</answer>",
        "<think>…</think>A",
        "<think>---\n\n***</think>A",
        "<think>\u200b\u200b</think>A",
        "<think>A</think><answer>A</answer>",
        "<think>your reasoning here</think><answer>A</answer>",
        "<think> reasoning process here </think><answer>A</answer>",
        "<think>[your thoughts]</think><answer>A</answer>",
        "<think>Write your step-by-step reasoning here</think><answer>A</answer>",
        "<think>...your thinking process...</think><answer>A</answer>",
        "<think>{reasoning}</think><answer>A</answer>",
        "<think>Okay.</think>A",
        "<think>红色</think><answer>A</answer>",
        f"<think>{f'{ROUND} ' * 300}</think><answer>A</answer>",
        f"<think>{f'{ROUND} ' * 2}</think><answer>A</answer>",
        f"<think>{ROUND} the disc is RED!</think><answer>A</answer>",
        f"<think>{'The disc is red ' * 300}</think><answer>A</answer>",
        f"<think>{'The disc is red ' * 30}The disc</think><answer>A</answer>",
        f"<think>{'red ' * 300}</think><answer>A</answer>",
        f"<think>{'圆盘是红色的。' * 300}</think><answer>A</answer>",
        f"<think>{'圆盘是红色的' * 300}</think><answer>A</answer>",
        f"<think>{f'{ROUND} I see it. ' * 20}</think><answer>A</answer>",
        f"<think>{f'{ROUND} ' * 300}It is red.</think><answer>A</answer>",
        # the answer first, its reason after it
        "A. The disc is red because its pixels are.",
        "The answer is A. I think so because the disc has red pixels.",
        "The correct answer is **A. red**.\n\nThe disc in the image is red.",
        "Red.\n\nThe image shows a disc on white ground. Its pixels are red.",
        "",
        " \n",
        "<think>",
    ],
)
def test_a_response_without_a_thought_has_fewer_than_three_words(response: str) -> None:
    thought = thought_of("multiple choice", response, OPTIONS)
    assert thought_words(thought) < 3


@pytest.mark.parametrize(
    ("kind", "response", "thought"),
    [
        ("numerical", "Two left, three right. The total is 5.", "Two left, three right."),
        ("numerical", "Two and three balls.\n\n\\boxed{5}", "Two and three balls."),
        ("numerical", "I counted them all. Answer: 5", "I counted them all."),
        ("regression", "It is as long as a car. The answer is 4.5 m.", "It is as long as a car."),
        ("numerical", "5", ""),
        ("numerical", "5\n\nI counted them all.", ""),
        ("free-form", "He lifts a cup up. Answer: a cup", "He lifts a cup up."),
        ("free-form", "I see a cup there. <answer>a cup</answer>", "I see a cup there."),
        ("OCR", "The sign reads so: <answer>STOP</answer>", "The sign reads so:"),
        # without a word that says which part is the answer, all of it is
        ("free-form", "A man enters. He sits down.", ""),
        ("OCR", "STOP", ""),
    ],
)
def test_other_problem_types_state_their_answers_otherwise(
    kind: str, response: str, thought: str
) -> None:
    assert thought_of(kind, response) == thought


@pytest.mark.parametrize(
    ("thought", "words"),
    [
        ("", 0),
        (".", 0),
        ("one two three", 3),
        ("It is. It was. It is.", 4),
        ("It is. It is. It was.", 4),
        (f"{ROUND} {ROUND} I see that it is so.", 10),
        ("12 + 7 = 19", 3),
        ("**one** _two_ `three`", 3),
        ("圆盘是红色的", 3),
        ("赤い円が見える", 4),
        ("วงกลมสีแดง", 5),
        ("원이 빨간색이다 그렇다", 3),
        ("लाल चक्र है", 3),
        ("The answer is A.", 4),
    ],
)
def test_words_are_counted_over_distinct_sentences(thought: str, words: int) -> None:
    assert thought_words(thought) == words


def thinking(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]


ANSWER = {"type": "text", "text": "<answer>A</answer>"}
PLAIN = "<answer>A</answer>"


@pytest.mark.parametrize(
    "message",
    [
        {"content": PLAIN, "reasoning_content": SEEN},
        {"content": PLAIN, "reasoning_content": f"\n{SEEN}\n"},
        {"content": PLAIN, "reasoning": SEEN, "reasoning_content": None},
        {"content": PLAIN, "reasoning_content": "", "reasoning": SEEN},
        {"content": PLAIN, "reasoning_content": f"<think>\n{SEEN}\n</think>"},
        {"content": PLAIN, "reasoning_content": thinking(SEEN)},
        {"content": PLAIN, "reasoning": {"content": SEEN}},
        {"content": PLAIN, "reasoning": {"summary": [{"type": "summary_text", "text": SEEN}]}},
        {"content": PLAIN, "reasoning_details": [{"type": "reasoning.text", "text": SEEN}]},
        {"content": PLAIN, "reasoning_details": [{"type": "reasoning.summary", "summary": SEEN}]},
        {
            "content": PLAIN,
            "reasoning": SEEN,
            "reasoning_details": [
                {"type": "reasoning.text", "text": SEEN},
                {"type": "reasoning.encrypted", "data": "gAAAA"},
            ],
        },
        {"content": PLAIN, "thinking": SEEN},
        {
            "content": PLAIN,
            "thinking_blocks": [{"type": "thinking", "thinking": SEEN, "signature": "x"}],
        },
        {"content": [{"type": "thinking", "thinking": thinking(SEEN), "closed": True}, ANSWER]},
        {"content": [{"type": "thinking", "thinking": SEEN, "signature": "Eq"}, ANSWER]},
        {
            "content": [
                {"type": "redacted_thinking", "data": "Em"},
                {"type": "thinking", "thinking": SEEN},
                ANSWER,
            ]
        },
        {"content": [{"type": "reasoning", "text": SEEN}, ANSWER]},
        {"content": [{"type": "reasoning", "summary": thinking(SEEN)}, ANSWER]},
        {"content": [{"type": "reasoning", "content": thinking(SEEN)}, ANSWER]},
        {"content": [{"type": "reasoning_text", "text": SEEN}, ANSWER]},
        {"content": [{"text": SEEN, "thought": True}, {"text": PLAIN}]},
        {"content": [{"reasoningContent": {"reasoningText": {"text": SEEN}}}, {"text": PLAIN}]},
        {"content": [ANSWER], "reasoning_content": SEEN},
        {"content": [f"<think>{SEEN}</think>", {"type": "output_text", "text": PLAIN}]},
        {"content": f"<think>{SEEN}</think>{PLAIN}"},
        {"content": f"<think>{SEEN}</think>{PLAIN}", "reasoning_content": "Another thought."},
        {"content": f"<think>\n\n</think>\n\n{PLAIN}", "reasoning_content": SEEN},
        {"content": f"<think>...</think>{PLAIN}", "reasoning": SEEN},
        {"content": f"</think>\n\n{PLAIN}", "reasoning_content": SEEN},
        {"content": f"<think>\n{PLAIN}", "reasoning_content": SEEN},
        {"content": "A", "reasoning_content": SEEN},
        {"content": f"<thought>{SEEN}</thought>{PLAIN}"},
        {"content": None, "reasoning_content": f"{SEEN}</think>\n{PLAIN}"},
        {"content": f"{SEEN}\n{PLAIN}", "reasoning_content": "\n", "reasoning": None},
    ],
)
def test_a_message_keeps_its_thought_in_whatever_field_or_part_it_comes(
    message: dict[str, Any],
) -> None:
    text = message_text(message)
    assert thought_of("multiple choice", text, OPTIONS) == SEEN
    assert verify("multiple choice", solution="A", completion=text, options=OPTIONS).right


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None}, ""),
        ({}, ""),
        ({"content": []}, ""),
        ({"content": "A", "reasoning_content": None}, "A"),
        ({"content": "A", "reasoning": True, "reasoning_details": []}, "A"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}, ANSWER]}, PLAIN),
        ({"content": [{"type": "text", "text": {"value": "A"}}]}, "A"),
        ({"content": None, "reasoning_content": SEEN}, f"<think>{SEEN}"),
        ({"content": [{"type": "redacted_thinking", "data": "Em"}, ANSWER]}, PLAIN),
        ({"content": PLAIN, "reasoning_details": [{"type": "reasoning.encrypted"}]}, PLAIN),
    ],
)
def test_what_is_no_thought_and_no_text_stays_out(message: dict[str, Any], text: str) -> None:
    assert message_text(message) == text


def test_a_reply_nested_without_end_is_read_without_a_crash() -> None:
    content: Any = "A"
    for _ in range(300):
        content = [{"type": "thinking", "thinking": content}]
    assert message_text({"content": content}) == ""


HOSTILE = [
    "<think>",
    "</think>",
    "<answer>",
    "((",
    " ,",
    "=",
    "so ",
    "A. ",
    "The answer is A. ",
    "**",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_long_hostile_text_is_read_before_the_test_times_out(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    for ending in ("", "\nThe answer is A."):
        thought = thought_of("multiple choice", text + ending, OPTIONS)
        assert len(thought) <= len(text) and thought_words(thought) < len(text)


def test_real_chains_without_tags_keep_their_reasoning(real_data: Path) -> None:
    """Qwen-VL-Max on MATH-V: of the right responses that have 20 words, nearly all reason."""
    lines = (real_data / "verify" / "mathv_qwen-vl-max-cot.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    long = kept = 0
    for row in rows:
        kind, options = row["problem_type"], row.get("options") or []
        text, truth = row["completion"], row["solution"]
        if not verify(kind, solution=truth, completion=text, options=options).right:
            continue
        thought = thought_of(kind, text, options)
        assert thought in text or "\\" in text
        if len(text.split()) >= 20:
            long += 1
            kept += thought_words(thought) >= 3
        if len(text.split()) <= 2:
            assert thought_words(thought) < 3, text
    assert long > 300 and kept / long > 0.9


def test_the_reading_of_thoughts_changes_no_verdict(real_data: Path) -> None:
    """What extract calls the thought is in every tagged text the one that is released."""
    lines = (real_data / "tabmwp" / "recorded_replies.jsonl").read_text().splitlines()
    for line in lines:
        reply = json.loads(line)["reply"]
        think = extract(reply).think
        if thought_words(think) >= 3:
            assert thought_of("free-form", reply) == think

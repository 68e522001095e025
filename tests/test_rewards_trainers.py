"""Reward functions are called as trainers call them; T-GRPO's bonus has the published numbers."""

import inspect
import json
from typing import Any

import pytest

from r1data.errors import InputError
from r1data.rewards.tgrpo import (
    LENGTH_CODE,
    LENGTH_PAPER,
    T_GRPO_CODE,
    T_GRPO_PAPER,
    length_reward,
    t_grpo_bonus,
)
from r1data.rewards.trainers import (
    AccuracyORM,
    FormatORM,
    accuracy_reward,
    compute_score,
    compute_scores,
    easyr1_score,
    format_reward,
)


def tagged(answer: str) -> str:
    return f"<think>x</think><answer>{answer}</answer>"


COMPLETIONS = [tagged("A"), tagged("1,000"), "<think>cut", tagged("x")]
COLUMNS = {
    "solution": ["<answer>A</answer>", "1000", "B", ""],
    "problem_type": ["multiple choice", "numerical", "multiple choice", "numerical"],
    "options": [["A. cat", "B. dog"], None, [], None],
}


def test_trl_gets_one_reward_a_completion_each_by_its_own_type() -> None:
    chats = [[{"role": "assistant", "content": text}] for text in COMPLETIONS]
    for completions in (COMPLETIONS, chats):
        rewards = accuracy_reward(
            prompts=["?"] * 4, completions=completions, trainer_state=None, **COLUMNS
        )
        assert rewards == [1.0, 1.0, 0.0, None]
        assert format_reward(completions=completions, **COLUMNS) == [1.0, 1.0, 0.0, 1.0]


def test_ms_swift_calls_an_orm_with_completions_and_columns() -> None:
    assert AccuracyORM(args=None)(COMPLETIONS, **COLUMNS) == [1.0, 1.0, 0.0, None]
    assert FormatORM()(completions=COMPLETIONS, **COLUMNS) == [1.0, 1.0, 0.0, 1.0]


def test_verl_gets_a_score_and_metrics() -> None:
    names = list(inspect.signature(compute_score).parameters)
    assert names[:4] == ["data_source", "solution_str", "ground_truth", "extra_info"]
    found = compute_score(
        data_source="r1data",
        solution_str=tagged("$5"),
        ground_truth="5",
        extra_info={"problem_type": "numerical"},
    )
    assert found == {"score": 1.0, "accuracy": 1.0, "format": 1.0, "judged": 1.0}


def test_verl_sees_that_a_row_could_not_be_judged() -> None:
    found = compute_score("r1data", tagged("5"), {"solution": "", "problem_type": "numerical"})
    assert (found["score"], found["judged"]) == (0.0, 0.0)


def test_a_row_without_problem_type_stops_the_training_with_advice() -> None:
    with pytest.raises(InputError, match="extra_info"):
        compute_score("r1data", tagged("5"), "5")


@pytest.mark.parametrize("kind", [1, "1", "mcq"])
def test_no_trainer_gets_a_reward_for_a_type_that_nobody_knows(kind: Any) -> None:
    truth = {"problem_type": kind, "solution": "5"}
    for score in (
        lambda: accuracy_reward([tagged("5")], ["5"], [kind]),
        lambda: AccuracyORM()([tagged("5")], ["5"], problem_type=[kind]),
        lambda: compute_score("r1data", tagged("5"), "5", {"problem_type": kind}),
        lambda: compute_scores([{"response": tagged("5"), "ground_truth": json.dumps(truth)}]),
    ):
        with pytest.raises(InputError, match=r"is unknown; known are: multiple choice"):
            score()


def test_easyr1_gets_scores_from_response_and_truth_alone() -> None:
    truth = json.dumps({"problem_type": "numerical", "solution": "5", "options": None})
    rows = [
        {"response": tagged("5.0"), "response_length": 9, "ground_truth": truth},
        {"response": "The answer is 5", "response_length": 9, "ground_truth": truth},
    ]
    found = compute_scores(rows, format_weight=0.5)
    assert [row["overall"] for row in found] == [1.0, 0.5]
    assert found[1] == {"overall": 0.5, "format": 0.0, "accuracy": 1.0, "judged": 1.0}
    assert easyr1_score(rows[0], 0.5) == found[0]


def test_the_constants_of_paper_and_code_are_the_published_ones() -> None:
    assert T_GRPO_PAPER == (0.3, 1.0, 0.5, 0.0, False)
    assert T_GRPO_CODE == (0.3, 0.8, 0.1, 0.0, True)
    assert LENGTH_PAPER[:3] == LENGTH_CODE[:3] == (0.2, 320, 512)


RIGHT_7_OF_8 = [1.0] * 7 + [0.0]


def test_only_correct_responses_get_the_bonus_and_only_if_order_helped() -> None:
    assert t_grpo_bonus([1, 1, 0, 0], [1, 0]) == [0.3, 0.3, 0.0, 0.0]
    assert t_grpo_bonus([1, 0, 0, 0], [1, 0]) == [0.0] * 4
    assert t_grpo_bonus([1, 1], [1, 1]) == [0.3, 0.3]
    assert t_grpo_bonus([1, 1], [1, 1], margin=0.1) == [0.0, 0.0]


def test_the_code_gives_the_bonus_even_where_shuffled_frames_do_better() -> None:
    assert t_grpo_bonus(RIGHT_7_OF_8, [1.0] * 4) == [0.0] * 8
    assert t_grpo_bonus(RIGHT_7_OF_8, [1.0] * 4, *T_GRPO_CODE) == [0.3] * 7 + [0.0]


def test_graded_rewards_count_by_share_in_the_paper_and_by_mean_in_the_code() -> None:
    ordered, shuffled = [0.6, 0.6], [1.0, 0.4]
    assert t_grpo_bonus(ordered, shuffled) == [0.3, 0.3]
    assert t_grpo_bonus(ordered, shuffled, *T_GRPO_CODE) == [0.3, 0.3]
    assert t_grpo_bonus([0.2, 0.2], [0.3], *T_GRPO_CODE) == [0.0, 0.0]
    assert t_grpo_bonus([0.2, 0.2], [0.25], *T_GRPO_CODE) == [0.3, 0.3]
    assert t_grpo_bonus([0.2, 0.2], [0.25]) == [0.0, 0.0]


def test_without_shuffled_responses_nobody_gets_a_bonus() -> None:
    assert t_grpo_bonus([1.0, 1.0], []) == [0.0, 0.0]
    assert t_grpo_bonus([], [1.0]) == []


def test_length_is_rewarded_within_the_window_edges_included() -> None:
    lengths = [319, 320, 512, 513, 400]
    rewards = [1.0, 1.0, 1.0, 1.0, 0.0]
    assert length_reward(rewards, lengths) == [0.0, 0.2, 0.2, 0.0, 0.0]
    assert length_reward([1.0, 0.0], [400, 400]) == [0.2, 0.0]
    assert length_reward([1.0, 0.0], [400, 400], *LENGTH_CODE) == [0.0, 0.0]
    assert length_reward([0.2, 0.2], [400, 400], *LENGTH_CODE) == [0.2, 0.2]

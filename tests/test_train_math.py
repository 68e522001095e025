"""Rewards, advantages and losses: by hand, and against a slow reference written from the paper."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slow_grpo
import torch
from tiny_models import config, row, tiny

from r1data.errors import InputError
from r1data.rewards.tgrpo import T_GRPO_CODE, t_grpo_bonus
from r1data.train.config import Grpo, make_config
from r1data.train.encode import collate
from r1data.train.grpo import (
    Example,
    Rollout,
    judge,
    learn_part,
    make_examples,
    roll_out,
    score,
    settings_of,
)
from r1data.train.losses import (
    advantages,
    completion_log_probs,
    grpo_loss,
    kl_penalty,
    sequence_mean,
)
from r1data.train.model import Model, Sampled, plain_generation
from r1data.train.rows import encode_row
from r1data.train.run import warn_of_lost_bonus
from r1data.train.scoring import PRESETS, Weights, score_group
from r1data.train.session import Session, learning_rate, open_session, rows_of_step

RIGHT, WRONG = "<think>red.</think><answer>A</answer>", "<think>red.</think><answer>B</answer>"


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small model of each kind."""
    return tiny(tmp_path_factory.mktemp("models"), request.param)


def session_of(model: Model, out: Path, **changes) -> Session:
    """Open a GRPO session of this model."""
    phase = Grpo(**{**vars(config().grpo), **changes})
    return open_session(model.name, config(grpo=phase), phase, out, {})


@pytest.fixture()
def temporal(model: Model, tmp_path: Path) -> Iterator[Session]:
    """A T-GRPO session with a reference model."""
    yield session_of(model, tmp_path, temporal=True, scale_rewards="none", beta=0.04)


# By hand


def test_the_bonus_of_the_paper_and_of_the_code() -> None:
    three_of_eight = [1.0, 1.0, 1.0] + [0.0] * 5
    assert t_grpo_bonus(three_of_eight, [1.0, 0.0, 0.0, 0.0]) == [0.3] * 3 + [0.0] * 5
    assert t_grpo_bonus(three_of_eight, [1.0, 1.0, 0.0, 0.0]) == [0.0] * 8
    seven_of_eight = [1.0] * 7 + [0.0]
    assert t_grpo_bonus(seven_of_eight, [1.0] * 4) == [0.0] * 8  # order hurt
    assert t_grpo_bonus(seven_of_eight, [1.0] * 4, *T_GRPO_CODE) == [0.3] * 7 + [0.0]


def test_advantages_by_hand() -> None:
    rewards = [1.0, 1.0, 1.0] + [0.0] * 5  # standard deviation sqrt(15/56) = .51755
    (group,) = advantages([rewards], "group")
    assert group[0] == pytest.approx(0.625 / (math.sqrt(15 / 56) + 1e-4), abs=1e-9)
    assert (round(group[0], 4), round(group[-1], 4)) == (1.2074, -0.7244)
    assert advantages([rewards], "none")[0] == pytest.approx([0.625] * 3 + [-0.375] * 5)
    one, other = advantages([[1.0, 0.0], [1.0, 1.0]], "batch")  # of all four: 0.5
    assert one == pytest.approx([0.5 / 0.5001, -0.5 / 0.5001])
    assert other == [0.0, 0.0]


def test_the_bonus_cancels_out_in_a_group_and_counts_elsewhere() -> None:
    plain, bonus = [1.0] * 3 + [0.0] * 5, [1.3] * 3 + [0.0] * 5
    both = [advantages([each], "group")[0][0] for each in (plain, bonus)]
    assert both[0] == pytest.approx(both[1], abs=1e-4)
    assert advantages([bonus], "none")[0][0] == pytest.approx(0.8125)


def test_losses_by_hand() -> None:
    now = torch.tensor([[-1.0, -2.0]])
    before = torch.tensor([[-1.5, -2.0]])
    reference = torch.tensor([[-1.0, -1.0]])
    # ratios e^.5 = 1.6487, clipped to 1.2, and 1; divergences 0 and e - 2
    tokens = grpo_loss(now, before, torch.tensor([2.0]), 0.2, 0.1, reference)
    assert tokens[0].tolist() == pytest.approx([-2.4, -2.0 + 0.1 * (math.e - 2)], rel=1e-6)
    worse = grpo_loss(now, before, torch.tensor([-2.0]), 0.2, 0.0, None)
    assert worse[0].tolist() == pytest.approx([2 * math.exp(0.5), 2.0], rel=1e-6)
    assert kl_penalty(now, reference)[0].tolist() == pytest.approx([0.0, math.e - 2])
    mask = torch.tensor([[1.0, 0.0]])
    assert sequence_mean(tokens, mask).tolist() == pytest.approx([-2.4])


def test_a_learning_rate_rises_and_falls() -> None:
    settings = config(
        sft=None,
    ).grpo.optimizer
    rates = [learning_rate(type(settings)(1.0, "cosine", warmup=4), step, 12) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0 and rates[8] == pytest.approx(0.5) and 0 < rates[11] < 0.05


def test_every_pass_over_the_rows_takes_each_once_in_an_order_of_its_own() -> None:
    rows = list(range(10))
    taken = [each for step in range(5) for each in rows_of_step(rows, step, 4, seed=3)]
    assert sorted(taken[:10]) == sorted(taken[10:]) == rows
    assert taken[:10] != taken[10:] != rows


def test_rewards_of_a_group_have_four_parts() -> None:
    weights = Weights(PRESETS["video-r1-code"], "canonical", 1.0, True, True)
    group = score_group(row(0), [RIGHT, RIGHT, WRONG, "A"], [400, 10, 400, 400], [WRONG], weights)
    assert group.accuracy == [1.0, 1.0, 0.0, 1.0]
    assert group.form == [1.0, 1.0, 1.0, 0.0]
    assert group.length == [0.2, 0.0, 0.0, 0.2]
    assert group.bonus == [0.3, 0.3, 0.0, 0.3]
    assert group.rewards == pytest.approx([2.5, 2.3, 1.0, 1.5])
    assert not group.uniform(0.5)
    assert score_group(row(0), [RIGHT, RIGHT], [1, 1], [], weights).uniform(0.5)


def test_pictures_get_no_temporal_bonus() -> None:
    weights = Weights(PRESETS["video-r1-paper"], "canonical", 1.0, False, True)
    assert score_group(row(0), [RIGHT, WRONG], [9, 9], [], weights).bonus == [0.0, 0.0]


def test_a_row_without_a_truth_stops_training() -> None:
    weights = Weights(PRESETS["video-r1-paper"], "canonical", 1.0, False, False)
    with pytest.raises(InputError, match="own/0: its truth '' cannot be judged by"):
        score_group(row(0)._replace(solution=""), [RIGHT], [9], [], weights)


def test_the_lost_bonus_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    optimizer = {"lr": 1e-3}
    for scale, told in (("group", True), ("batch", False), ("none", False)):
        section = {"steps": 1, "prompts": 1, "temporal": True, "scale_rewards": scale}
        made = make_config({"grpo": {**section, "optimizer": optimizer}})
        assert made.grpo is not None
        warn_of_lost_bonus(made.grpo)
        assert ("divides the bonus out" in capsys.readouterr().err) is told


# On models


def test_log_probabilities_agree_with_those_of_sampling(model: Model) -> None:
    prompts = [encode_row(model, row(i, video=i != 2), 1024) for i in range(4)]
    batch = collate(model, prompts)
    for temperature in (1.0, 0.7):
        with torch.no_grad():
            done = model.model.generate(
                **batch, do_sample=True, temperature=temperature, top_k=0, output_scores=True,
                return_dict_in_generate=True, generation_config=plain_generation(model, 12),
            )  # fmt: skip
        new = done.sequences[:, batch["input_ids"].shape[1] :]
        sampled = torch.stack(done.scores, 1).log_softmax(-1).gather(-1, new[..., None])[..., 0]
        with torch.no_grad():
            scored = completion_log_probs(model.model, model, prompts, new.tolist(), temperature)
        live = new != model.pad
        assert live.sum() > 24
        assert (scored.log_probs - sampled)[live].abs().max() < 1e-4


def single(session: Session, network, example: Example) -> list[float]:
    """Log-probabilities of one completion on its own, in double precision, by numpy."""
    batch = collate(session.model, [example.prompt], [example.tokens])
    with torch.no_grad():
        logits = network(**batch).logits[0].double().numpy()
    logits[:, list(session.model.forbidden)] = -np.inf
    start = example.prompt.prompt_length - 1
    found = []
    for i, token in enumerate(example.tokens):
        line = logits[start + i]
        peak = line.max()
        found.append(float(line[token] - peak - math.log(np.exp(line - peak).sum())))
    return found


def fixed_rollouts(session: Session) -> list[Rollout]:
    """Rollouts with completions of several lengths, right and wrong, cut and whole."""
    tokenizer, found = session.model.tokenizer, []
    for number, texts in enumerate(([RIGHT, WRONG, WRONG, "A red"], [RIGHT, RIGHT, "B", WRONG])):
        question = row(number)
        ordered = [
            Sampled([*tokenizer.encode(text), session.model.ends[0]], text, True) for text in texts
        ]
        shuffled = [Sampled([1], text, True) for text in (WRONG, RIGHT)[: 2 - number]]
        prompt = encode_row(session.model, question, 1024)
        found.append(Rollout(question, prompt, ordered, [*shuffled, *shuffled][:2]))
    return found


def test_the_loss_equals_the_slow_reference_on_fixed_rollouts(temporal: Session) -> None:
    for weight in temporal.network.parameters():  # away from the reference, so that KL is not 0
        weight.data += 0.01 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    rollouts = fixed_rollouts(temporal)
    groups = [judge(each, settings_of(temporal)) for each in rollouts]
    examples = make_examples(temporal, rollouts, groups)
    wanted_advantages = []
    for rollout, group in zip(rollouts, groups, strict=True):
        accuracy = [float(each.text in (RIGHT, "A red")) for each in rollout.ordered]
        others = [float(each.text == RIGHT) for each in rollout.shuffled]
        form = [float("<think>" in each.text) for each in rollout.ordered]
        bonus = slow_grpo.temporal_rewards(accuracy, others)
        rewards = [a + b + c for a, b, c in zip(accuracy, form, bonus, strict=True)]
        assert group.rewards == pytest.approx(rewards)
        average = sum(rewards) / len(rewards)
        wanted_advantages += [reward - average for reward in rewards]
        (scaled,) = advantages([rewards], "group")
        assert scaled == pytest.approx(slow_grpo.group_advantages(rewards))
    assert [each.advantage for each in examples] == pytest.approx(wanted_advantages)
    assert sum(each.weight for each in examples) == pytest.approx(1.0)
    parts = [examples[:3], examples[3:]]
    losses = [learn_part(temporal, part, None) for part in parts]
    now = [single(temporal, temporal.network, each) for each in examples]
    reference = [single(temporal, temporal.reference, each) for each in examples]
    wanted = slow_grpo.objective(now, now, reference, wanted_advantages, 0.2, 0.04)
    assert sum(loss for loss, _ in losses) == pytest.approx(-wanted, abs=1e-5)
    assert sum(kl for _, kl in losses) > 1e-4


def test_the_clip_acts_on_answers_of_older_weights(temporal: Session) -> None:
    examples = make_examples(
        temporal,
        rollouts := fixed_rollouts(temporal),
        [judge(each, settings_of(temporal)) for each in rollouts],
    )
    before = score(temporal, examples, temporal.network)
    old = [single(temporal, temporal.network, each) for each in examples]
    for weight in temporal.network.parameters():
        weight.data += 0.03 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
    loss, _ = learn_part(temporal, examples, before)
    now = [single(temporal, temporal.network, each) for each in examples]
    moved = [abs(a - b) for x, y in zip(now, old, strict=True) for a, b in zip(x, y, strict=True)]
    assert max(moved) > 0.25  # beyond the clip
    reference = [single(temporal, temporal.reference, each) for each in examples]
    advantage = [each.advantage for each in examples]
    wanted = slow_grpo.objective(now, old, reference, advantage, 0.2, 0.04)
    assert loss == pytest.approx(-wanted, abs=1e-4)


def test_groups_all_right_or_all_wrong_weigh_nothing_where_they_are_dropped(
    model: Model, tmp_path: Path
) -> None:
    session = session_of(model, tmp_path, drop_uniform=True)
    first, second = fixed_rollouts(session)
    same = second._replace(ordered=[first.ordered[0]] * 4)
    rollouts = [first, same]
    groups = [judge(each, settings_of(session)) for each in rollouts]
    examples = make_examples(session, rollouts, groups)
    assert [each.weight for each in examples] == [0.25] * 4 + [0.0] * 4


def test_shuffled_answers_are_half_as_many_and_only_of_videos(temporal: Session) -> None:
    rollouts = roll_out(temporal, [row(0), row(1, video=False)], step=0)
    assert [len(each.ordered) for each in rollouts] == [4, 4]
    assert [len(each.shuffled) for each in rollouts] == [2, 0]
    again = roll_out(temporal, [row(0), row(1, video=False)], step=0)
    assert [each.ordered for each in rollouts] == [each.ordered for each in again]

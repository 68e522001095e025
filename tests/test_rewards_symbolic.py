"""The symbolic tier: formulas only, in a child that is stopped, from any thread."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from r1data.rewards import Verdict, verify
from r1data.rewards.symbolic import looks_symbolic

pytest.importorskip("math_verify")


def judged(truth: str, answer: str, kind: str = "free-form") -> Verdict:
    completion = f"<think>x</think><answer>{answer}</answer>"
    return verify(kind, solution=truth, completion=completion, preset="canonical-math")


@pytest.mark.parametrize(
    ("truth", "answer", "kind"),
    [
        (r"\sin\frac{\pi}{6}", r"\frac{1}{2}", "numerical"),
        ("(x+1)^2", "x^2+2x+1", "free-form"),
        ("x^2+y^2", "y^2 + x^2", "free-form"),
        (r"\tan\frac{\pi}{3}", r"\sqrt{3}", "numerical"),
        ("sqrt(2)/2", "1/sqrt(2)", "free-form"),
    ],
)
def test_equal_formulas_are_right(truth: str, answer: str, kind: str) -> None:
    verdict = judged(truth, answer, kind)
    assert (verdict.right, verdict.rule, verdict.why) == (True, "symbolic", "symbolic_equal")
    assert verdict.preset == "canonical-math"
    assert not verify(kind, solution=truth, completion=f"<answer>{answer}</answer>").right


@pytest.mark.parametrize(("truth", "answer"), [("x^2+1", "x^2-1"), (r"\sqrt{2}", r"\sqrt{3}")])
def test_other_formulas_are_wrong(truth: str, answer: str) -> None:
    assert judged(truth, answer).right is False


@pytest.mark.parametrize("text", ["5", "3 cm", "10:30", "5 or 6", "a cat", "the answer is 5", "-3"])
def test_what_is_no_formula_never_gets_there(text: str) -> None:
    assert not looks_symbolic(text)


@pytest.mark.parametrize(
    "answer", ["9^9^9^9", "9^{9^{9^{9}}}", r"3^{10^9}", "(10^7)!", "2**9**9**9"]
)
def test_towers_are_refused_unevaluated(answer: str) -> None:
    assert judged("5", answer, "numerical").why in ("symbolic_too_big", "expression")


def test_what_does_not_end_is_stopped_and_judged_by_nobody() -> None:
    verdict = judged(r"\prod_{n=1}^{999} (x+n)", r"(x+1)^{998}")
    assert (verdict.reward, verdict.right, verdict.why) == (None, None, "symbolic_timeout")
    assert judged("x+1", "1+x").right is True


def test_threads_and_pool_workers_get_the_same_verdicts() -> None:
    pairs = [("(x+1)^2", "x^2+2x+1"), (r"\sqrt{8}", r"2\sqrt{2}"), ("x+1", "x-1")]
    here = [judged(*pair).right for pair in pairs]
    assert here == [True, True, False]
    with ThreadPoolExecutor(3) as threads:
        assert [verdict.right for verdict in threads.map(judged, *zip(*pairs, strict=True))] == here
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert processes.submit(judged, *pairs[0]).result().right is True

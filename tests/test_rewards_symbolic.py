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


EQUAL = [
    ("x^2-1", "(x-1)(x+1)"), (r"\{1,2\}", r"\{2,1\}"), ("a+b", "b+a"), ("x<3", "3>x"),
    (r"x=3\sqrt{2}", r"3\sqrt{2}"), (r"\frac{\pi}{4}", r"The area is $\frac{\pi}{4}$."),
    (r"3x\sqrt{2}", r"so the area is 3x\sqrt{2}"),
    (r"\frac{x+1}{2}", r"It is \boxed{\frac{1+x}{2}}."),
    ("x+1", r"After some steps \(x\) becomes \(1+x\)"), (r"x \ge 2", r"[2,\infty)"),
    (r"2\pi r", r"2 r \pi"), (r"\sin^2 x+\cos^2 x+x", "1+x"), ("y=2x+1", "y=1+2x"),
    (r"\begin{pmatrix}1&x\\3&4\end{pmatrix}", r"\begin{pmatrix}1&x\\3&4\end{pmatrix}"),
    (r"\log_2 8 + x", "3+x"), (r"\frac{x^2-1}{x-1}", "x+1"), ("2^{300}x", "2^{299} 2 x"),
]  # fmt: skip
DIFFERENT = [
    (r"2\pi r", r"2\pi R"), ("y=2x+1", "2x+1"), ("(1,2)", r"\{1,2\}"), ("(1,x)", "[1,x]"),
    (r"\sqrt{x^2}", "x"), ("-x^2", "(-x)^2"), ("2^{100}x", "2^{100}x+1"), ("2^{3^2}x", "64x"),
    ("x<3", "x>3"), (r"\sqrt{2}x", "2x"), (r"\ln 8x", r"\log 8x"), (r"\pm x", "x"),
    (r"\frac{1}{2x}", r"\frac{x}{2}"), ("x^2=4", "x=2"), (r"\{1,x\}", r"\{1,x,3\}"),
    (r"\sqrt{10^{40}+x}", r"10^{20}+\sqrt{x}"), ("x^2", "so the sum is x^3"), ("x|x|", "x^2"),
    (r"\begin{pmatrix}1&x\\3&4\end{pmatrix}", r"\begin{pmatrix}1&x\\3&5\end{pmatrix}"),
    (r"\frac{x+1}{2}", r"First \boxed{\frac{x+1}{2}}, in the end \boxed{\frac{x-1}{2}}."),
]  # fmt: skip


@pytest.mark.parametrize(("truth", "answer"), EQUAL)
def test_what_is_equal_at_all_points_is_right_also_in_a_sentence(truth: str, answer: str) -> None:
    assert judged(truth, answer, "numerical").right is True


@pytest.mark.parametrize(("truth", "answer"), DIFFERENT)
def test_no_false_equality_is_inherited(truth: str, answer: str) -> None:
    assert judged(truth, answer, "numerical").right is False


def test_a_truth_that_cannot_be_read_is_judged_by_nobody() -> None:
    verdict = judged(r"x^{2}+\frac{1}{", "x+1", "numerical")
    assert (verdict.right, verdict.why) == (None, "unparsed_reference")


@pytest.mark.parametrize("text", ["5", "3 cm", "10:30", "5 or 6", "a cat", "the answer is 5", "-3"])
def test_what_is_no_formula_never_gets_there(text: str) -> None:
    assert not looks_symbolic(text)


@pytest.mark.parametrize(
    "answer", ["9^9^9^9", "9^{9^{9^{9}}}", r"3^{10^9}", "(10^7)!", "2**9**9**9"]
)
def test_towers_are_refused_unevaluated(answer: str) -> None:
    assert judged("5", answer, "numerical").why in ("symbolic_too_big", "expression")


def test_what_does_not_end_is_stopped_and_judged_by_nobody() -> None:
    verdict = judged(r"\{\prod_{n=1}^{999} (x+n)\}", r"\{(x+1)^{998}\}")
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

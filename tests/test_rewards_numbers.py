"""Units, intervals and closed forms: what the golden pairs cannot show one by one."""

import pytest

from r1data.rewards import verify
from r1data.rewards.interval import judge_interval, read_interval
from r1data.rewards.numerical import read_number
from r1data.rewards.units import PREFIXES, unit_at

UNITS = ("m", "g", "s", "A", "K", "mol", "cd", "Hz", "N", "Pa", "J", "W", "V", "Ω", "L", "eV")


def right(solution: str, answer: str) -> bool | None:
    completion = f"<think>I look.</think><answer>{answer}</answer>"
    return verify("numerical", solution=solution, completion=completion).right


@pytest.mark.parametrize("unit", UNITS)
def test_each_prefix_of_a_unit_converts_and_is_another_size(unit: str) -> None:
    for names, power in PREFIXES.items():
        symbol = names.split()[0]
        if symbol + unit in ("am", "pm", "Pm"):  # a time of day
            continue
        assert right(f"3 {symbol}{unit}", f"3e{power} {unit}") is True, symbol
        assert right(f"3 {symbol}{unit}", f"3 {unit}") is False, symbol


@pytest.mark.parametrize("power", range(1, 7))
def test_binary_prefixes_are_powers_of_1024_and_decimal_ones_of_1000(power: int) -> None:
    binary, decimal = "KMGTPE"[power - 1] + "iB", "kMGTPE"[power - 1] + "B"
    assert right(f"3 {binary}", f"{3 * 1024**power} bytes") is True
    assert right(f"3 {decimal}", f"{3 * 1000**power} B") is True
    assert right(f"3 {decimal}", f"3 {binary}") is False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("N", "kg·m/s^2"), ("J", "N·m"), ("W", "J/s"), ("Pa", "N/m^2"), ("V", "W/A"),
        ("Ω", "V/A"), ("C", "A·s"), ("F", "C/V"), ("T", "Wb/m^2"), ("H", "Wb/A"), ("lx", "lm/m^2"),
        ("L", "dm^3"), ("Hz", "s^-1"), ("S", "A/V"), ("kWh", "kW·h"), ("km/h", "km per hour"),
        ("m^2", "square meters"), ("ft^3", "cubic feet"), ("L/100km", "liters per 100 km"),
    ],
)  # fmt: skip
def test_a_derived_unit_is_its_product_of_base_units(one: str, other: str) -> None:
    assert right(f"7 {one}", f"7 {other}") is True
    assert right(f"7 {one}", f"7 {other}·kg") is False


def test_a_word_of_the_sentence_is_no_unit() -> None:
    for rest in (" in the box", " at noon", " as planned", " a", " us both"):
        assert unit_at("5" + rest, 1)[0] is None, rest


def test_the_end_of_a_long_answer_is_read_where_it_is_marked() -> None:
    reasons = "There are 3 rows of 4 chairs. " * 200
    assert right("12", reasons + "\\boxed{12}") is True
    assert right("12", reasons + "The answer is 12.") is True
    assert right("4", reasons + "The answer is 12.") is False
    assert read_number(reasons).why == "too_long"


@pytest.mark.parametrize(
    "form",
    ["\\pi^{21}", "10^{16}\\pi", "\\sqrt{-2}", "\\frac{\\pi}{0}", "\\sqrt{2", "2+" * 60 + "\\pi"],
)
def test_a_closed_form_that_is_no_exact_value_is_no_number(form: str) -> None:
    assert read_number(form).quantity is None


@pytest.mark.parametrize(
    "text",
    ["5-10 s", "5 s – 10 s", "from 5 to 10 seconds", "between 5 s and 10 s", "[5s, 10s]",
     "0:05-0:10", "from 00:05 until 00:10", "It happens from 5 s to 10 s.", "5 s ~ 10 s",
     "[5.0, 10.0] s"],
)  # fmt: skip
def test_an_interval_is_read_in_any_notation(text: str) -> None:
    assert judge_interval("5-10 s", text) == (1.0, "interval_equal")
    assert judge_interval("5-11 s", text) == (0.0, "interval_differs")


@pytest.mark.parametrize(
    "text",
    ["5", "10-5", "5, 10", "5 and 10", "5-10 or 12", "not from 5 to 10", "from 5 kg to 10 s"],
)
def test_what_is_no_single_interval_is_none(text: str) -> None:
    assert read_interval(text) is None


@pytest.mark.parametrize(("truth", "answer"), [("5kg", "5g"), ("5m", "5s"), ("5km", "5m")])
def test_math_verify_does_not_undo_a_unit(truth: str, answer: str) -> None:
    pytest.importorskip("math_verify")
    verdict = verify("numerical", solution=truth, completion=answer, preset="canonical-math")
    assert verdict.right is False

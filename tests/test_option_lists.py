"""Option lists are read whole or refused; keys name one option or none."""

from typing import Any

import pytest

from r1data.answer_key import UNCLEAR, index_base, read_index, read_key
from r1data.errors import RowDrop
from r1data.labels import bare_texts
from r1data.options import Options, read_options

RED = ["red", "white", "blue"]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (["red", "white", "blue"], RED),
        (("red", "white"), ["red", "white"]),
        (["A. red", "B. white", "C. blue"], RED),
        (["(A) red", "(B) white", "(C) blue"], RED),
        (["[A] red", "[B] white"], ["red", "white"]),
        (["A) red", "B) white"], ["red", "white"]),
        (["A: red", "B: white"], ["red", "white"]),
        (["a. red", "b. white"], ["red", "white"]),
        (["(a) red", "(b) white"], ["red", "white"]),
        (["1. red", "2. white", "3. blue"], RED),
        (["0. red", "1. white"], ["red", "white"]),
        (["1) 5", "2) 6"], ["5", "6"]),
        (["i) red", "ii) white", "iii) blue"], RED),
        (["I. red", "II. white", "III. blue", "IV. black"], [*RED, "black"]),
        (["Option 1: red", "Option 2: white"], ["red", "white"]),
        (["Option A - red", "Option B - white"], ["red", "white"]),
        (["Caption A: red", "Caption B: white"], ["red", "white"]),
        (["A - red", "B - white"], ["red", "white"]),
        (["A.red", "B.white"], ["red", "white"]),
        (["A.5 cm", "B.6 cm"], ["5 cm", "6 cm"]),
        (["A、红", "B、白"], ["红", "白"]),
        (["A．红", "B．白"], ["红", "白"]),
        (["**A.** red", "**B.** white"], ["red", "white"]),
        (["**A**. red", "**B**. white"], ["red", "white"]),
        (["- A. red", "- B. white"], ["red", "white"]),
        (["A.) red", "B.) white"], ["red", "white"]),
        (["A. red\nand round", "B. white"], ["red\nand round", "white"]),
        (["A. B", "B. A"], ["B", "A"]),
        (["A", "B", "C", "D"], ["A", "B", "C", "D"]),
        # what only looks like a label is a text
        (["E. coli", "S. aureus", "C. elegans"], ["E. coli", "S. aureus", "C. elegans"]),
        (
            ["A. thaliana", "C. elegans", "D. melanogaster", "E. coli"],
            ["A. thaliana", "C. elegans", "D. melanogaster", "E. coli"],
        ),
        (["A. thaliana", "A. lyrata"], ["A. thaliana", "A. lyrata"]),
        (["A. thaliana", "mouse", "yeast"], ["A. thaliana", "mouse", "yeast"]),
        (["mouse", "E. coli", "yeast"], ["mouse", "E. coli", "yeast"]),
        (["J. Smith", "K. Jones", "A. Miller"], ["J. Smith", "K. Jones", "A. Miller"]),
        (["J. S. Bach", "W. A. Mozart"], ["J. S. Bach", "W. A. Mozart"]),
        (["A.M.", "P.M."], ["A.M.", "P.M."]),
        (["A.M. shift", "P.M. shift"], ["A.M. shift", "P.M. shift"]),
        (["T. rex", "H. sapiens", "A. niger"], ["T. rex", "H. sapiens", "A. niger"]),
        (["U.S.", "U.K."], ["U.S.", "U.K."]),
        (["A.D.", "B.C."], ["A.D.", "B.C."]),
        (["a.m.", "p.m.", "noon"], ["a.m.", "p.m.", "noon"]),
        (["A minor", "B flat", "C major"], ["A minor", "B flat", "C major"]),
        (["1.5", "2.5"], ["1.5", "2.5"]),
        (["1:30", "2:45"], ["1:30", "2:45"]),
        (["1 : 2", "2 : 3", "3 : 4"], ["1 : 2", "2 : 3", "3 : 4"]),
        (["A : B", "B : C"], ["A : B", "B : C"]),
        (["A:B", "B:C"], ["A:B", "B:C"]),
        (["Werder", "1. FC Köln"], ["Werder", "1. FC Köln"]),
        (["P: pressure", "V: volume"], ["P: pressure", "V: volume"]),
        (["Use option A", "Use option B"], ["Use option A", "Use option B"]),
        (["A: 6 kg, B: 2", "A: 5 kg, B: 3", "A: 4"], ["A: 6 kg, B: 2", "A: 5 kg, B: 3", "A: 4"]),
        # padded
        (["red", "white", "", None, " "], ["red", "white"]),
        (["A. red", "B. white", "C."], ["red", "white"]),
        (["red", "white", float("nan")], ["red", "white"]),
        # other types of values
        ([1, 2, 3], ["1", "2", "3"]),
        ([True, False], ["True", "False"]),
        # objects
        ({"A": "red", "B": "white"}, ["red", "white"]),
        ({"B": "white", "A": "red"}, ["red", "white"]),
        ({"A": "red", "B": "white", "C": None}, ["red", "white"]),
        ({"1": "red", "2": "white"}, ["red", "white"]),
        ({"a0": "red", "a1": "white", "a2": "blue"}, RED),
        ({"optionA": "red", "optionB": "white"}, ["red", "white"]),
        ({"option_a": "red", "option_b": "white"}, ["red", "white"]),
        ({"options.A": "red", "options.B": "white"}, ["red", "white"]),
        ({"Choice 1": "red", "Choice 2": "white"}, ["red", "white"]),
        ({f"opt{i}": f"text {i}" for i in range(1, 13)}, [f"text {i}" for i in range(1, 13)]),
        ({"A": "A. red", "B": "B. white"}, ["red", "white"]),
        ({"label": ["A", "B"], "text": ["red", "white"]}, ["red", "white"]),
        ([{"label": "A", "text": "red"}, {"label": "B", "text": "white"}], ["red", "white"]),
        ([{"choice_id": 0, "choice": "red"}, {"choice_id": 1, "choice": "white"}], RED[:2]),
        # one cell
        ('["red", "white"]', ["red", "white"]),
        ('{"A": "red", "B": "white"}', ["red", "white"]),
        ("['red', 'white']", ["red", "white"]),
        ("['it\\'s', \"he's\"]", ["it's", "he's"]),
        ("['red', 'white', nan]", ["red", "white"]),
        ("['red', 'white', None]", ["red", "white"]),
        ("{'A': 'red', 'B': 'white'}", ["red", "white"]),
        ("('red', 'white')", ["red", "white"]),
        ("['red' 'white'\n 'blue']", RED),
        ("array(['red', 'white'], dtype=object)", ["red", "white"]),
        ("[1 2 3]", ["1", "2", "3"]),
        ("[red, white, blue]", RED),
        ("{A: red, B: white}", ["red", "white"]),
        ("A) red B) white C) blue", RED),
        ("A. red B. white C. blue", RED),
        ("(A) red (B) white", ["red", "white"]),
        ("(A)红(B)白(C)蓝", ["红", "白", "蓝"]),
        ("A: red, B: white, C: blue", RED),
        ("A. red; B. white", ["red", "white"]),
        ("1) red 2) white", ["red", "white"]),
        ("A. I. Newton B. not he C. nobody", ["I. Newton", "not he", "nobody"]),
        ("A. red\nB. white\nC. blue", RED),
        ("A. red\nand round\nB. white", ["red\nand round", "white"]),
        ("A. both B. and C.\nB. white\nC. blue", ["both B. and C.", "white", "blue"]),
        ("A. red\\nB. white", ["red", "white"]),
        ("A. red<br>B. white", ["red", "white"]),
        ("red\r\nwhite\r\nblue", RED),
        ("red\n\nwhite\n\nblue", RED),
        ("red | white | blue", RED),
        ("red|white|blue", RED),
        ("red||white||blue", RED),
        ("| red | white |", ["red", "white"]),
        ("|x| | |y|", ["|x|", "|y|"]),
        ("A. red | B. white", ["red", "white"]),
        ("red; white; blue", RED),
        ("red, white; blue, black", ["red, white", "blue, black"]),
        ("red\twhite\tblue", RED),
        ("red, white, blue", RED),
        ("1,000, 2,000", ["1,000", "2,000"]),
        ("5,6,7", ["5", "6", "7"]),
        # nothing
        (None, []),
        ("", []),
        ("[]", []),
        ("nan", []),
        (["", None], []),
        ({}, []),
    ],
)
def test_an_option_list_is_read_in_every_clothing(value: Any, texts: list[str]) -> None:
    assert list(read_options(value).texts) == texts


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["left", "", "right", "up"], "option 2 of 4 is empty"),
        (["", "left", "right"], "option 1 of 3 is empty"),
        (["left", None, "right"], "option 2 of 3 is empty"),
        (["left", " ", "right"], "option 2 of 3 is empty"),
        (["A. left", "B.", "C. right"], "option B is empty"),
        (["A. left", "", "C. right"], "option 2 of 3 is empty"),
        ({"A": "left", "B": None, "C": "right"}, "option 2 of 3 is empty"),
        ({"A": "left", "C": "right"}, "not of A, B, C"),
        ({"red": 1, "white": 2}, "not of A, B, C"),
        ("left | | right", "option 2 of 3 is empty"),
        ("left\n\nright\nup", "option 2 of 4 is empty"),
        ("A) left B) C) right", "option B is empty"),
        (["A. red", "D. .", "B. white", "C. blue", "D. black"], "A, D, B, C, D"),
        (["A. red", "B. white", "B. blue"], "A, B, B"),
        (["A. red", "C. white", "B. blue"], "A, C, B"),
        (["A. Red", "C. White", "B. Blue"], "A, C, B"),
        (["A. red", "white", "C. blue"], "A, none, C"),
        (["A. red", "B. white", "blue", "black"], "A, B, none, none"),
        (["A. Red", "B. White", "Blue"], "A, B, none"),
        (["A. red", "white", "blue"], "A, none, none"),
        (["(A) red", "white", "(C) blue"], "A, none, C"),
        (["B. red", "C. white", "D. blue"], "B, C, D"),
        (["F) red", "G) white", "H) blue"], "F, G, H"),
        (["A. red", "B) white", "D: blue"], "A, B, D"),
        (["1. red", "1. white"], "1, 1"),
        (["2. red", "3. white"], "2, 3"),
        (["A. red", "A. white"], "A, A"),
        ("A. red\nwhite\nC. blue", "A, none, C"),
        (["red"], "one option only"),
        ("red", "one option only"),
        ("A) red", "one option only"),
        ("A. vitamin C. B. vitamin D. C. none", "option"),
        ([str(i) for i in range(27)], "27 options"),
        ([["red"], "white"], "list"),
        ([{"a": 1}, {"a": 2}], "object"),
        (5, "int"),
        ("['red' 'white', 'blue']", "comma"),
        ("to the left, then up, to the right", "commas"),
        ("red, white and blue, or black", "commas"),
        ("10,200,300", "commas"),
        ("red, green and blue", "commas"),
        ("The man, who is tall, runs, The woman, who is short, walks", "commas"),
        (["A.", "B."], "labels without texts"),
        ([{"label": "B", "text": "red"}, {"label": "A", "text": "white"}], "B, A"),
    ],
)
def test_a_list_that_is_not_whole_is_refused(value: Any, why: str) -> None:
    with pytest.raises(RowDrop) as caught:
        read_options(value)
    assert why in caught.value.detail
    assert caught.value.reason.value == "no_truth"


SIDES = ["left", "right", "up"]


@pytest.mark.parametrize(
    ("key", "options", "place"),
    [
        *(
            (key, ["A. left", "B. right", "C. up"], 1)
            for key in (
                "B",
                "Ｂ",
                "（Ｂ）",
                "b",
                "(B)",
                "B.",
                "B)",
                "(b)",
                "[B]",
                "{B}",
                "B. right",
                "(B) right",
                "B: right",
                "B right",
                "b) Right.",
                "Option B",
                "option b",
                "optionB",
                "option_b",
                "Choice: B",
                "Answer: B",
                "answer is (B)",
                "The correct answer is B.",
                "The answer is: B. right",
                "Correct option: B",
                "Ans: B",
                "#### B",
                "B is correct",
                "B is the correct answer.",
                "right",
                "Right",
                "RIGHT",
                "right.",
                "  right ",
                "<answer>B</answer>",
                "<answer>(B)</answer>",
                "<answer> B. right </answer>",
                "\\boxed{B}",
                "$\\boxed{B}$",
                "\\boxed{\\text{B}}",
                "**B**",
                "**B. right**",
                '"B"',
                "'B'",
                "“right”",
                "`B`",
                "$B$",
                "答案：B",
                "选B",
                ["B"],
                "B,",
                "B、right",
            )
        ),
        ("2", ["1. left", "2. right"], 1),
        (2, ["1. left", "2. right"], 1),
        ("1", ["0. left", "1. right"], 1),
        ("Option 2: right", ["Option 1: left", "Option 2: right"], 1),
        ("Option 2", ["Option 1: left", "Option 2: right"], 1),
        ("II", ["I. left", "II. right", "III. up"], 1),
        ("B", ["1. left", "2. right"], 1),
        ("optionB", {"optionA": "left", "optionB": "right"}, 1),
        (1, {"a0": "left", "a1": "right"}, 1),
        (1, {"option1": "left", "option2": "right"}, 0),
        ("E. coli", ["S. aureus", "E. coli"], 1),
        ("B", ["A. thaliana", "C. elegans", "D. rerio", "E. coli"], 1),
        ("A", ["A. thaliana", "C. elegans", "D. rerio", "E. coli"], 0),
        ("A. Miller", ["J. Smith", "K. Jones", "A. Miller"], 2),
        ("A.M.", ["P.M.", "A.M."], 1),
        (5, ["3", "4", "5"], 2),
        ("5", [3, 4, 5], 2),
        ("ff", ["Ff", "ff", "FF"], 1),
        ("AB", ["A", "B", "AB", "0"], 2),
        ("B", ["A", "B", "AB", "0"], 1),
        (True, ["Yes", "No"], 0),
        (False, ["yes", "no"], 1),
        ("TRUE", ["A. True", "B. False"], 0),
        ("true", ["no", "yes"], 1),
        ("No.", ["A. Yes", "B. No"], 1),
        ("F", ["True", "False"], 1),
        ("Z", [f"text {i}" for i in range(26)], 25),
    ],
)
def test_a_key_names_its_option_in_every_clothing(key: Any, options: Any, place: int) -> None:
    assert read_key(key, read_options(options)) == place


@pytest.mark.parametrize(
    ("key", "options", "reason"),
    [
        ("A", ["B", "A", "C"], "ambiguous_truth"),
        ("a", ["B", "A", "C"], "ambiguous_truth"),
        ("(A)", ["B", "A", "C"], "ambiguous_truth"),
        ("A", ["A. B", "B. A"], "ambiguous_truth"),
        ("1", ["1. 2", "2. 1"], "ambiguous_truth"),
        ("B. left", SIDES, "ambiguous_truth"),
        ("B. because it moves", SIDES, "ambiguous_truth"),
        ("A, B", SIDES, "ambiguous_truth"),
        ("A and C", SIDES, "ambiguous_truth"),
        ("AC", SIDES, "ambiguous_truth"),
        (["A", "B"], SIDES, "ambiguous_truth"),
        ("red", ["red", "white", "red"], "ambiguous_truth"),
        ("A", ["red", "white", "red"], "ambiguous_truth"),
        ("Red", ["red", "RED"], "ambiguous_truth"),
        (1, SIDES, "ambiguous_truth"),
        ("C", ["A. thaliana", "C. elegans", "D. rerio", "E. coli"], "ambiguous_truth"),
        ("2", SIDES, "ambiguous_truth"),
        ("D", SIDES, "no_truth"),
        ("(D)", SIDES, "no_truth"),
        ("down", SIDES, "no_truth"),
        ("", SIDES, "no_truth"),
        (None, SIDES, "no_truth"),
        (float("nan"), SIDES, "no_truth"),
        ([], SIDES, "no_truth"),
        ({"B": 1}, SIDES, "no_truth"),
        ("yes", SIDES, "no_truth"),
        ("B", [], "no_truth"),
        ("the left one", SIDES, "no_truth"),
    ],
)
def test_a_key_that_names_none_or_two_is_refused(key: Any, options: Any, reason: str) -> None:
    with pytest.raises(RowDrop) as caught:
        read_key(key, read_options(options))
    assert caught.value.reason.value == reason


def three(*keys: Any, options: Any = SIDES) -> list[tuple[Any, Options]]:
    return [(key, read_options(options)) for key in keys]


COUNTS = ["3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("keys", "base"),
    [
        (three(0, 1, 2), 0),
        (three("0", "2", "1"), 0),
        (three(1, 2, 3), 1),
        (three(1, 2, 1), UNCLEAR),
        (three(1.0, 0.0), 0),
        (three("A", "B"), None),
        (three("left", "up"), None),
        ([], None),
        (three(True, False, options=["yes", "no"]), None),
        (three("3", "1", "2", options=COUNTS), None),
        ([*three("3", "1", options=COUNTS), *three(0, 1)], 0),
        (three(1, 2, options={f"a{i}": f"text {i}" for i in range(5)}), 0),
        (three(1, 2, options={f"opt{i}": f"text {i}" for i in range(1, 5)}), 1),
        (three(*[0, 1] * 30, 3), 0),  # one key of sixty is a fault of its row
        (three(0, 3, 1), UNCLEAR),
        ([*three("A", "C"), *three(1, 3)], 1),
    ],
)
def test_where_numbers_count_from_is_told_by_the_whole_file(keys: Any, base: int | None) -> None:
    assert index_base(keys) == base


def test_a_number_counts_from_where_its_file_says() -> None:
    sides = read_options(SIDES)
    assert [read_key(key, sides, 0) for key in (0, "1", "(2)", 2.0)] == [0, 1, 2, 2]
    assert [read_key(key, sides, 1) for key in (1, "2", "option 3")] == [0, 1, 2]
    assert read_key("B", sides, 0) == 1
    with pytest.raises(RowDrop, match="none of its 3 options"):
        read_key(3, sides, 0)
    with pytest.raises(RowDrop, match="ambiguous"):
        read_key(2, read_options(["1", "2", "3"]), 0)
    assert read_index(2, read_options(["1", "2", "3"])) == 2
    with pytest.raises(RowDrop):
        read_index("B", sides)


def test_two_options_of_one_text_are_accepted_where_a_letter_decides() -> None:
    assert read_key("A", read_options(["red", "white", "red"]), twins=True) == 0


def test_labels_are_cut_only_where_all_of_them_run_from_the_first() -> None:
    assert bare_texts(("A. red", "B. white")) == ("red", "white")
    assert bare_texts(("A. thaliana", "E. coli")) == ("A. thaliana", "E. coli")
    assert bare_texts(("A. red", "white")) == ("A. red", "white")
    assert bare_texts(("A.", "B.")) == ("A.", "B.")
    assert bare_texts(()) == ()

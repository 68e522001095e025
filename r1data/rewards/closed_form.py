r"""The values of closed forms with roots and pi, such as 24 + 4\pi and \frac{3\sqrt{6}}{2}."""

import re
from decimal import Context, Decimal, DecimalException, localcontext

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
# Two forms are equal to 30 decimals; a value that large, or a power that high, would not be exact
DIGITS, PLACES, LARGEST, HIGHEST_POWER = 60, 30, 10**15, 20
TOKENS_LIMIT = 80
NAMES = r"\\(?:[dt]?frac|sqrt|pi|cdot|times)(?![A-Za-z])"
# No letter is beside a closed form: 2\pi r is none. A unit may follow.
FORM = re.compile(
    rf"(?<![\w\\])(?:[-+*/^(){{}}\[\]\d.\s√π·×]|{NAMES})++(?!(?![ms]\b)[A-Za-z](?![A-Za-z])|\\)"
)
TOKEN = re.compile(rf"\s*(\d+(?:\.\d+)?|{NAMES}|[-+*/^(){{}}\[\]√π·×])")
SPELLINGS = {
    "\\cdot": "*", "\\times": "*", "×": "*", "·": "*", "π": "\\pi", "√": "\\sqrt",
    "\\dfrac": "\\frac", "\\tfrac": "\\frac",
}  # fmt: skip
CLOSING = {"(": ")", "{": "}", "[": "]"}


class Unread(ValueError):
    """A text that is no closed form."""


def evaluated(text: str) -> str:
    """Return the text with each closed form that has a root or pi as a decimal of 30 places."""
    return FORM.sub(decimal_of, text)


def decimal_of(match: re.Match[str]) -> str:
    """Return the decimal of a closed form; what is none, or a plain number, is left alone."""
    text = match[0].strip(" .\n")
    tokens = [SPELLINGS.get(str(token), str(token)) for token in TOKEN.findall(text)]
    roots = not {"\\sqrt", "\\pi"}.isdisjoint(tokens)
    if not roots or len(tokens) > TOKENS_LIMIT or TOKEN.sub("", text).strip():
        return match[0]
    try:
        with localcontext(Context(prec=DIGITS)):
            value = total(tokens)
    except (Unread, DecimalException):
        return match[0]
    if tokens or abs(value) >= LARGEST:
        return match[0]
    return match[0].replace(text, f"{value:.{PLACES}f}")


def total(tokens: list[str]) -> Decimal:
    """Take a sum off the front of the tokens."""
    value = product(tokens)
    while tokens and tokens[0] in "+-":
        sign = 1 if tokens.pop(0) == "+" else -1
        value += sign * product(tokens)
    return value


def product(tokens: list[str]) -> Decimal:
    """Take a product off the front: 2*3, 2/3, 2\\pi, 2(3)."""
    sign = -1 if tokens and tokens[0] == "-" else 1
    if sign < 0:
        tokens.pop(0)
    value = sign * power(tokens)
    while tokens and tokens[0] not in ("+", "-", ")", "}", "]"):
        if tokens[0] == "/":
            tokens.pop(0)
            value /= power(tokens)
        else:
            if tokens[0] == "*":
                tokens.pop(0)
            value *= power(tokens)
    return value


def power(tokens: list[str]) -> Decimal:
    """Take a factor with its exponent off the front."""
    base = factor(tokens)
    if not tokens or tokens[0] != "^":
        return base
    tokens.pop(0)
    exponent = factor(tokens)
    if exponent != int(exponent) or abs(exponent) > HIGHEST_POWER:
        raise Unread
    return base ** int(exponent)


def factor(tokens: list[str]) -> Decimal:
    """Take a number, pi, a root, a fraction or brackets off the front."""
    token = tokens.pop(0) if tokens else ""
    if token in CLOSING:
        value = total(tokens)
        if not tokens or tokens.pop(0) != CLOSING[token]:
            raise Unread
        return value
    if token == "\\frac":
        return factor(tokens) / factor(tokens)
    if token == "\\sqrt":
        degree = factor(tokens) if tokens[:1] == ["["] else 2
        inner = factor(tokens)
        if degree not in (2, 3) or inner < 0:
            raise Unread
        return inner.sqrt() if degree == 2 else inner ** (Decimal(1) / 3)
    if token == "\\pi":
        return PI
    if not token[:1].isdigit():
        raise Unread
    return Decimal(token)

"""Texts that no file can hold: JSON may write half of a character ("\\ud800"), UTF-8 cannot."""

import json
from typing import Any

from r1data.grid.drops import Drop


def encodable(sample: dict[str, Any]) -> dict[str, Any]:
    """Return a sample as it is; one with half a character falls out, with that half spelled out."""
    try:
        json.dumps(sample, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        half = problem.object[problem.start : problem.end]
        spelled = spell_out(sample)
        if spelled["drop_reason"] is None:
            detail = f"its text holds half a character, {spell_out(half)}, which UTF-8 cannot write"
            spelled.update(drop_reason=Drop.UNDECODABLE.value, drop_detail=detail)
        return spelled
    return sample


def spell_out(value: Any) -> Any:
    """Write each half of a character as its escape, in every text of a value."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: spell_out(each) for key, each in value.items()}
    return [spell_out(each) for each in value] if isinstance(value, list) else value

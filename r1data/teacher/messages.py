"""The text of a reply's message: thought and answer, in whatever form a server keeps them apart.

The thought stands in tags inside the content, in a field of its own (`reasoning_content` of vLLM,
SGLang and DeepSeek, `reasoning` and `reasoning_details` of OpenRouter, `thinking_blocks` of
LiteLLM), or in parts of the content (Mistral, Anthropic, Gemini, Bedrock).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from r1data.rewards.thought import in_tags, with_think_tags

# The first of them that says something is the thought: gateways send one thought under two names.
FIELDS = (
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "thinking",
    "thinking_blocks",
    "reasoning_text",
)
# Keys of a part. What is encrypted, signed or redacted stands under others and is not read.
WORDS = frozenset({"text", "content", "summary", "value"})
THOUGHTS = frozenset(
    {*FIELDS, "reasoningContent", "reasoningText", "thought", "thoughts", "analysis"}
)
THINKING = re.compile(r"think|thought|reason", re.IGNORECASE)
EMPTY = re.compile(r"<\s*think\s*>\W*?<\s*/\s*think\s*>|<\s*/?\s*think\s*>", re.IGNORECASE)
SAYS = re.compile(r"\w")
# Real parts hold parts at most three deep; no limit would let a hostile reply exhaust the stack.
DEEPEST = 8


def message_text(message: Mapping[str, Any]) -> str:
    """Return the text of a message; a thought that the server kept apart comes in think tags.

    A thought in the content's own tags is preferred.
    """
    parts = list(pieces(message.get("content")))
    text = "".join(words for is_thought, words in parts if not is_thought)
    thought = thought_apart(parts, message)
    if thought and not SAYS.search(in_tags(text)):
        text = EMPTY.sub("", with_think_tags(text)).lstrip()
        text = f"<think>{thought}</think>\n{text}" if text else f"<think>{thought}"
    return text


def thought_apart(parts: list[tuple[bool, str]], message: Mapping[str, Any]) -> str:
    """Return the thought that stands in parts or fields of its own, or ""."""
    beside = (pieces(message.get(name), is_thought=True) for name in FIELDS)
    for found in (parts, *beside):
        thought = "\n".join(words.strip() for is_thought, words in found if is_thought)
        thought = thought.strip().removeprefix("<think>").removesuffix("</think>").strip()
        if SAYS.search(thought):
            return thought
    return ""


def pieces(value: Any, is_thought: bool = False, depth: int = 0) -> Iterator[tuple[bool, str]]:
    """Yield the texts inside a content or a field in their order, each with: is it a thought."""
    if isinstance(value, str):
        yield is_thought, value
    elif isinstance(value, list) and depth < DEEPEST:
        for part in value:
            yield from pieces(part, is_thought, depth + 1)
    elif isinstance(value, dict) and depth < DEEPEST:
        is_thought = is_thought or is_thinking(value)
        for key, part in value.items():
            if key in WORDS or key in THOUGHTS:
                yield from pieces(part, is_thought or key in THOUGHTS, depth + 1)


def is_thinking(part: Mapping[str, Any]) -> bool:
    """Tell whether a part is a thought: by its type, or by Gemini's flag."""
    return part.get("thought") is True or bool(THINKING.search(str(part.get("type", ""))))

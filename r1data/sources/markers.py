"""The signs with which chat formats say where a picture or clip stands in a text."""

import re

# <image>, <image1>, <image 1>, <img>, <video>, <|image_pad|>, <|vision_start|>, <IMG_CONTEXT>,
# <start_of_image>, <|begin_of_video|>, <image_soft_token>, <ImageHere>, [IMG]
KIND = r"(?:image|img|video|vision|media|picture|audio)"
MARKER = re.compile(
    rf"<\|?/?(?:(?:start|begin|end)_of_)?{KIND}(?:[ _-]?(?P<number>\d+))?"
    r"(?:[ _-]?(?:pad|start|end|bos|eos|token|soft_token|placeholder|here|context))?\|?>|\[IMG\]",
    re.IGNORECASE,
)
# Qwen-VL writes <img>path</img>
TAGGED_PATH = re.compile(r"<(img|video|image)>[^<>\n]*</\1>", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?:\n]\s*$")


def strip_markers(text: str) -> str:
    """Remove the markers of media; a numbered one inside a sentence becomes "image 1"."""
    marked = TAGGED_PATH.sub(" <image> ", text)
    if not MARKER.search(marked):
        return text.strip()
    return tidy(MARKER.sub(lambda found: words_for(found, marked), marked))


def words_for(found: re.Match[str], text: str) -> str:
    """Return what stands for a marker: nothing, or its words where the sentence needs them."""
    if found["number"] is None:
        return " "
    before = MARKER.sub("", text[: found.start()].rpartition("\n")[2])
    after = text[found.end() :].partition("\n")[0]
    inside = bool(before.strip()) and not SENTENCE_END.search(before)
    goes_on = re.match(r"\s+[a-z]|\s*[,;?)']", after) is not None
    kind = "video" if "video" in found[0].casefold() else "image"
    return f" {kind} {found['number']} " if goes_on or (inside and after.strip()) else " "


def tidy(text: str) -> str:
    """Take out the blanks that markers leave."""
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]{2,}", " ", text))
    text = re.sub(r" +([,.;:?!)])", r"\1", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()

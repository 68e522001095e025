"""Load a Qwen2.5-VL or Qwen3-VL, and let it answer.

    model = load_model("path/or/hub-name", device="cuda", dtype="bfloat16")
    texts = generate(model, [encode(model, ...), ...], max_tokens=768, temperature=1.0, seed=0)

`encode` is that of `r1data.train.encode`. Vision tokens are never sampled: a completion that holds
one cannot be scored again ("video features and video tokens do not match"). Log-probabilities
leave them out in the same way, so rollout and training agree.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data.errors import InputError, R1DataError, UsageError, load_package

if TYPE_CHECKING:
    import torch

    from r1data.train.encode import Encoded

KINDS = ("qwen2_5_vl", "qwen3_vl")
DTYPES = ("float32", "bfloat16", "float16")
INSTALL = "'r1data[train]'"
VISION = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")


class Eyes(NamedTuple):
    """How a model's pictures are cut and scaled: pixels, frames, and the mean of each colour."""

    patch: int
    merge: int
    temporal: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def multiple(self) -> int:
        """Pixels of one token's side."""
        return self.patch * self.merge


class Model(NamedTuple):
    """A model with its tokenizer; `kind` is qwen2_5_vl or qwen3_vl, `name` where it came from."""

    model: Any
    tokenizer: Any
    kind: str
    eyes: Eyes
    name: str
    forbidden: tuple[int, ...]  # ids of vision tokens
    ends: tuple[int, ...]  # ids that end a completion
    pad: int
    short: bool = False  # compute in bfloat16, whatever the weights are kept in

    @property
    def device(self) -> "torch.device":
        """Where the weights are."""
        return self.model.device


class Sampled(NamedTuple):
    """One completion: its tokens with the one that ends it, its text, and whether it ended."""

    tokens: list[int]
    text: str
    ended: bool


def load_model(folder: str | Path, device: str = "cpu", dtype: str = "float32") -> Model:
    """Load a model folder, or a name on the Hub, for training or answering.

    Raises InputError where it is no Qwen2.5-VL or Qwen3-VL, UsageError for a device that is not
    there.
    """
    load_package("torch", INSTALL)
    load_package("transformers", INSTALL)
    import torch
    import transformers

    if dtype not in DTYPES:
        raise UsageError(f"unknown dtype '{dtype}': choose one of {', '.join(DTYPES)}")
    check_device(device)
    name = str(folder)
    config = load_config(name)
    with out_of_memory(f"loading {name} to {device} as {dtype}"), quiet():
        try:
            network: Any = transformers.AutoModelForImageTextToText.from_pretrained(
                name, dtype=getattr(torch, dtype), config=config
            )
            network = network.to(device)
            tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        except (OSError, ValueError, KeyError) as problem:
            raise InputError(f"{name} cannot be loaded: {one_line(problem)}") from problem
    return assemble(network.eval(), tokenizer, name, eyes_of(name, config))


def load_config(name: str) -> Any:
    """Read a model's configuration, and refuse models that this module cannot encode for."""
    import transformers

    try:
        config = transformers.AutoConfig.from_pretrained(name)
    except (OSError, ValueError, KeyError) as problem:
        raise InputError(f"{name} is no model folder: {one_line(problem)}") from problem
    if config.model_type not in KINDS:
        message = (
            f"{name} is a '{config.model_type}', no vision model that can be used here: "
            f"train and eval take Qwen2.5-VL and Qwen3-VL ({', '.join(KINDS)})"
        )
        raise InputError(message)
    return config


def eyes_of(name: str, config: Any) -> Eyes:
    """Return how pictures are cut, from the configuration, and scaled, from the preprocessor."""
    import transformers

    vision = config.vision_config
    with quiet():
        try:
            scaling = transformers.AutoImageProcessor.from_pretrained(name, backend="pil")
        except (OSError, ValueError) as problem:
            raise InputError(f"{name} lacks its picture settings: {one_line(problem)}") from problem
    mean, std = tuple(scaling.image_mean), tuple(scaling.image_std)
    return Eyes(vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size, mean, std)


def assemble(network: Any, tokenizer: Any, name: str, eyes: Eyes) -> Model:
    """Put weights and tokenizer together, and look up the tokens that matter."""
    if not tokenizer.chat_template:
        raise InputError(f"{name}: its tokenizer has no chat template")
    known = tokenizer.get_vocab()
    missing = [token for token in ("<|image_pad|>", "<|video_pad|>") if token not in known]
    if missing:
        raise InputError(f"{name}: its tokenizer does not know {missing[0]}")
    listed = network.generation_config.eos_token_id
    ends = set(listed) if isinstance(listed, list) else {listed}
    ends = (ends | {tokenizer.eos_token_id}) - {None}
    if not ends:
        raise InputError(f"{name}: neither generation_config nor tokenizer says what ends a reply")
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends)
    forbidden = tuple(known[token] for token in VISION if token in known)
    kind = network.config.model_type
    return Model(network, tokenizer, kind, eyes, name, forbidden, tuple(sorted(ends)), pad)


def generate(
    model: Model,
    prompts: "Sequence[Encoded]",
    max_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    batch: int = 64,
) -> list[str]:
    """Return one completion a prompt; temperature 0 is greedy. `batch` prompts go at a time."""
    texts: list[str] = []
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        done = sample(model, part, max_tokens, temperature, seed + start)
        texts += [each.text for each in done]
    return texts


def sample(
    model: Model,
    prompts: "Sequence[Encoded]",
    max_tokens: int,
    temperature: float,
    seed: int,
    top_p: float = 1.0,
) -> list[Sampled]:
    """Return one completion a prompt, all of them in one batch, with its tokens."""
    import torch

    from r1data.train.encode import collate

    batch = collate(model, prompts)
    settings: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        settings = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    what = f"generating {len(prompts)} completions of up to {max_tokens} tokens"
    with torch.no_grad(), out_of_memory(what), seeded(model, seed), quiet(), answering(model):
        whole = model.model.generate(
            **batch,
            **settings,
            generation_config=plain_generation(model, max_tokens),
        )
    return [ended(model, row) for row in whole[:, batch["input_ids"].shape[1] :].tolist()]


def plain_generation(model: Model, max_tokens: int) -> Any:
    """Return generation settings that take nothing over from what a model was shipped with."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=max_tokens,
        suppress_tokens=list(model.forbidden),
        eos_token_id=list(model.ends),
        pad_token_id=model.pad,
        use_cache=True,
    )


def ended(model: Model, tokens: list[int]) -> Sampled:
    """Cut what follows the first token that ends a completion."""
    stops = [place for place, token in enumerate(tokens) if token in model.ends]
    kept = tokens[: stops[0] + 1] if stops else tokens
    text = model.tokenizer.decode(kept, skip_special_tokens=True)
    return Sampled(kept, text, bool(stops))


def computing(model: Model) -> "torch.autocast":
    """Return the context in which a model computes."""
    import torch

    return torch.autocast(model.device.type, torch.bfloat16, enabled=model.short)


@contextmanager
def answering(model: Model) -> Iterator[None]:
    """Compute as a model does that answers: checkpointed activations would forbid its cache."""
    training = model.model.training
    model.model.eval()
    try:
        with computing(model):
            yield
    finally:
        model.model.train(training)


@contextmanager
def seeded(model: Model, seed: int) -> Iterator[None]:
    """Draw from `seed`, and leave everybody else's random numbers as they were."""
    import torch

    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def out_of_memory(doing: str) -> Iterator[None]:
    """Turn a lack of memory into a sentence that says what to make smaller."""
    import torch

    advice = "use smaller batches, fewer or smaller frames, fewer tokens, or LoRA"
    try:
        yield
    except torch.OutOfMemoryError as problem:
        raise R1DataError(f"the GPU's memory is full while {doing}: {advice}") from problem
    except MemoryError as problem:
        raise R1DataError(f"memory is full while {doing}: {advice}") from problem
    except RuntimeError as problem:
        if "can't allocate memory" not in str(problem):
            raise
        raise R1DataError(f"memory is full while {doing}: {advice}") from problem


@contextmanager
def quiet() -> Iterator[None]:
    """Keep notices for developers away from the person's terminal; errors still come through."""
    import logging

    from transformers.utils import logging as notices

    before, bars = notices.get_verbosity(), notices.is_progress_bar_enabled()
    others = logging.getLogger("accelerate")
    level = others.level
    notices.set_verbosity_error()
    notices.disable_progress_bar()
    others.setLevel(logging.ERROR)
    try:
        yield
    finally:
        others.setLevel(level)
        notices.set_verbosity(before)
        if bars:
            notices.enable_progress_bar()


def check_device(device: str) -> None:
    """Refuse a device that this machine lacks."""
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError("device cuda: torch sees no GPU here; say `device: cpu`")


def one_line(problem: Exception) -> str:
    """Return the first sentences of a message without its line breaks."""
    return " ".join(str(problem).split())[:300]

"""One training run: the model in its processes, the optimizer, checkpoints that resume exactly.

Nothing but weights, optimizer and the number of the step has to be kept: which rows a step takes,
how frames are shuffled and which tokens are sampled follow from the seed and that number.
"""

import json
import math
import random
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from r1data.errors import UsageError, load_package
from r1data.train.config import Config, Grpo, Lora, Optimizer, Sft
from r1data.train.encode import Encoded
from r1data.train.model import INSTALL, Model, load_model, out_of_memory
from r1data.train.rows import TrainRow, encode_row

CHECKPOINTS, STATE = "checkpoints", "state.json"
WEIGHTS, OPTIMIZER = "weights.safetensors", "optimizer.pt"
# Encoding takes a third of a small model's step; 2,000 prompts of 8 frames of 32 x 32 fit in this.
KEPT_BYTES = 200_000_000
LANGUAGE_LAYERS = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Session:
    """A run in one of its processes; `network` is the model as accelerate wrapped it."""

    config: Config
    phase: Sft | Grpo
    model: Model
    network: Any
    optimizer: Any
    accelerator: Any
    reference: Any | None
    out: Path
    facts: dict[str, Any]
    prompts: dict[str, Encoded]

    @property
    def world(self) -> int:
        """How many processes train together."""
        return self.accelerator.num_processes

    @property
    def lead(self) -> bool:
        """Tell whether this process writes files and talks."""
        return self.accelerator.is_main_process


def open_session(
    name: str, config: Config, phase: Sft | Grpo, out: Path, facts: dict[str, Any]
) -> Session:
    """Load the model and bring it, with its optimizer, to the processes that train it."""
    load_package("accelerate", INSTALL)
    import torch
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=config.device == "cpu")
    if config.device != accelerator.device.type:
        raise UsageError(f"device {config.device}: this machine offers {accelerator.device.type}")
    device = str(accelerator.device)
    model = load_model(name, device, base_dtype(config))
    model = model._replace(short=config.precision == "bfloat16")
    if config.lora is not None:
        model = with_adapters(model, config.lora, config.seed)
    if config.gradient_checkpointing:
        with older_names():
            model.model.gradient_checkpointing_enable({"use_reentrant": False})
        model.model.train()
    weights = [each for each in model.model.parameters() if each.requires_grad]
    settings = phase.optimizer
    optimizer = torch.optim.AdamW(
        weights, lr=settings.lr, betas=tuple_of(settings.betas), weight_decay=settings.weight_decay
    )
    network, optimizer = accelerator.prepare(model.model, optimizer)
    reference = reference_of(name, config, phase, device)
    return Session(
        config, phase, model, network, optimizer, accelerator, reference, out, facts, {}
    )  # fmt: skip


@contextmanager
def older_names() -> Iterator[None]:
    """Let names pass that transformers 5.23 calls old, and older packages know no others for."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*gradient_checkpointing", category=FutureWarning
        )
        yield


def base_dtype(config: Config) -> str:
    """Return how weights are kept: frozen ones may be short, trained ones may not."""
    return config.precision if config.lora is not None else "float32"


def tuple_of(betas: Sequence[float]) -> tuple[float, float]:
    """Return the two betas as torch wants them."""
    first, second = betas
    return first, second


def with_adapters(model: Model, lora: Lora, seed: int) -> Model:
    """Freeze the weights and add adapters, in float32, to the language model's linear layers."""
    load_package("peft", INSTALL)
    import peft
    import torch

    settings = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, target_modules=LANGUAGE_LAYERS, lora_dropout=0.0
    )
    with torch.random.fork_rng(devices=[]), older_names():
        torch.manual_seed(seed)
        network = peft.get_peft_model(model.model, settings)
    for weight in network.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return model._replace(model=network)


def reference_of(name: str, config: Config, phase: Sft | Grpo, device: str) -> Any | None:
    """Return the weights that the run began with, where the loss asks how far it has moved.

    With adapters these are the frozen weights themselves.
    """
    if not isinstance(phase, Grpo) or phase.beta == 0 or config.lora is not None:
        return None
    return load_model(name, device, config.precision).model.requires_grad_(False)


# Steps


def learning_rate(settings: Optimizer, step: int, steps: int) -> float:
    """Return the learning rate of a step, from 0: a linear warm-up, then constant or a cosine."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return settings.lr
    part = (step - settings.warmup) / max(1, steps - settings.warmup)
    return settings.lr * 0.5 * (1 + math.cos(math.pi * part))


def rows_of_step(rows: Sequence[Item], step: int, batch: int, seed: int) -> list[Item]:
    """Return the rows of a step: every pass over the data is a shuffle of its own."""
    found: list[Item] = []
    for place in range(step * batch, (step + 1) * batch):
        number, within = divmod(place, len(rows))
        found.append(rows[shuffled_numbers(len(rows), f"{seed}/{number}")[within]])
    return found


LAST_ORDER: dict[tuple[int, str], list[int]] = {}


def shuffled_numbers(count: int, seed: str) -> list[int]:
    """Return 0 to count - 1 in an order that belongs to `seed`; the last two are remembered."""
    if (count, seed) not in LAST_ORDER:
        while len(LAST_ORDER) > 1:
            LAST_ORDER.pop(next(iter(LAST_ORDER)))
        order = list(range(count))
        random.Random(seed).shuffle(order)
        LAST_ORDER[count, seed] = order
    return LAST_ORDER[count, seed]


def mine(session: Session, items: Sequence[Item]) -> list[Item]:
    """Return this process's part of a step's rows."""
    if len(items) % session.world:
        message = f"{len(items)} rows a step do not divide into {session.world} processes"
        raise UsageError(message)
    return list(items[session.accelerator.process_index :: session.world])


def prompt_of(session: Session, row: TrainRow) -> Encoded:
    """Encode a row's prompt, or find it among those that were encoded before."""
    if row.id not in session.prompts:
        one = encode_row(session.model, row, session.config.frames.max_pixels)
        if one.pixel_values.nbytes * (len(session.prompts) + 1) > KEPT_BYTES:
            return one
        session.prompts[row.id] = one
    return session.prompts[row.id]


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def everywhere(session: Session, values: Sequence[Item]) -> list[Item]:
    """Return the values of all processes."""
    from accelerate.utils import gather_object

    return gather_object(list(values)) if session.world > 1 else list(values)


def update(session: Session, step: int) -> dict[str, float]:
    """Take one optimizer step with the gradients that were collected."""
    settings = session.phase.optimizer
    rate = learning_rate(settings, step, session.phase.steps)
    for group in session.optimizer.param_groups:
        group["lr"] = rate
    weights = session.network.parameters()
    norm = session.accelerator.clip_grad_norm_(weights, settings.max_grad_norm)
    with out_of_memory("updating the weights"):
        session.optimizer.step()
        session.optimizer.zero_grad()
    return {"lr": rate, "grad_norm": float(norm)}


# Checkpoints


def save_checkpoint(session: Session, done: int) -> None:
    """Keep weights and optimizer after `done` steps; older checkpoints go when it is whole."""
    if session.lead:
        folder = session.out / CHECKPOINTS
        final, temporary = folder / f"step-{done}", folder / f".step-{done}"
        write_checkpoint(session, temporary, done)
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        for other in folder.iterdir():
            if other != final:
                shutil.rmtree(other)
    session.accelerator.wait_for_everyone()


def write_checkpoint(session: Session, folder: Path, done: int) -> None:
    """Write what `resume` reads; every process has the same, so that one of them writes it."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(trained_weights(session), folder / WEIGHTS)
    torch.save(session.optimizer.state_dict(), folder / OPTIMIZER)
    state = {"done": done, **session.facts}
    (folder / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


def trained_weights(session: Session) -> dict[str, Any]:
    """Return the weights that change, by name; frozen ones are those of the model's folder.

    Of weights that are one tensor, such as tied embeddings, only the first name is there.
    """
    network = session.accelerator.unwrap_model(session.network)
    return {name: each.data for name, each in network.named_parameters() if each.requires_grad}


def resume(session: Session) -> int:
    """Load the last checkpoint, and return how many steps it has done; 0 where there is none."""
    import torch
    from safetensors.torch import load_file

    found = last_checkpoint(session.out)
    if found is None:
        return 0
    state = json.loads((found / STATE).read_text(encoding="utf-8"))
    refuse_other(found, state, session.facts)
    kept = load_file(found / WEIGHTS)
    for name, weight in trained_weights(session).items():
        weight.copy_(kept[name])
    session.optimizer.load_state_dict(torch.load(found / OPTIMIZER, weights_only=True))
    return state["done"]


def last_checkpoint(out: Path) -> Path | None:
    """Return the newest whole checkpoint of a run."""
    found = [path for path in (out / CHECKPOINTS).glob("step-*") if (path / STATE).is_file()]
    return max(found, key=lambda path: int(path.name.removeprefix("step-")), default=None)


def refuse_other(path: Path, state: dict[str, Any], facts: dict[str, Any]) -> None:
    """Refuse to go on from a checkpoint of another config, model or release."""
    before, now = flat(state), flat(json.loads(json.dumps(facts)))
    keys = [key for key in sorted({*before, *now} - {"done"}) if before.get(key) != now.get(key)]
    if keys:
        told = "; ".join(f"{key} was {before.get(key)}, is {now.get(key)}" for key in keys[:3])
        raise UsageError(f"{path} is of another run: {told}. Take another --out, or delete it")


def flat(value: Any, above: str = "") -> dict[str, Any]:
    """Return nested keys as dotted ones."""
    if not isinstance(value, dict):
        return {above: value}
    found: dict[str, Any] = {}
    for key, each in value.items():
        found |= flat(each, f"{above}.{key}" if above else str(key))
    return found

"""Damages media files, from a seed: cut, flipped, zeroed, mislabelled, bombs."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

Damage = Callable[[bytes, random.Random], bytes]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flipped(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice([1, 10, 200])):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def zeroed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    hole = chance.randrange(1, max(2, len(data) // 4))
    return data[:at] + bytes(len(data[at : at + hole])) + data[at + hole :]


def shuffled(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[at:] + data[:at]


def head_flipped(data: bytes, chance: random.Random) -> bytes:
    """Flip bits where sizes, counts and dimensions stand."""
    where = data.find(b"moov")
    start = max(0, where) if chance.random() < 0.7 else 0
    out = bytearray(data)
    for _ in range(chance.choice([1, 3, 12])):
        out[start + chance.randrange(min(2000, len(out) - start))] ^= 1 << chance.randrange(8)
    return bytes(out)


def noise(data: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice([1, 100, 5000]))


def text(data: bytes, chance: random.Random) -> bytes:
    lines = [b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"hi\n"]
    return chance.choice(lines)


def png_bomb(data: bytes, chance: random.Random) -> bytes:
    """A picture of 60,000 by 60,000 pixels in a few kilobytes."""
    side = chance.choice([20_000, 60_000])
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    chunks = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks
    )


def gif_bomb(data: bytes, chance: random.Random) -> bytes:
    """A GIF that announces 65,535 by 65,535 pixels."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x4c\x01\x00"
    return screen + picture * chance.choice([1, 50]) + b"\x3b"


DAMAGES: tuple[Damage, ...] = (
    cut, flipped, flipped, zeroed, shuffled, head_flipped, noise, text, png_bomb, gif_bomb,
)  # fmt: skip
SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".jpg", ".gif", ".ts", "")


def damaged(good: list[Path], count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Write `count` damaged files made from `good` ones; one in eight gets another's suffix."""
    chance = random.Random(seed)
    for number in range(count):
        source = chance.choice(good)
        damage = chance.choice(DAMAGES)
        suffix = chance.choice(SUFFIXES) if chance.random() < 0.125 else source.suffix
        path = folder / f"{number:03}_{damage.__name__}_{source.stem}{suffix}"
        path.write_bytes(damage(source.read_bytes(), chance))
        yield path

"""Hostile inputs of every kind, made from a seed: nothing here is a file of the project."""

import io
import json
import random
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from faults.media import DAMAGES, gif_bomb, png_bomb

NAMES = (
    "../escape.mp4", "a/../../escape.mp4", "/tmp/r1data-escape.mp4", "C:/escape.mp4", "..\\escape",
    "nul\x00byte.mp4", "line\nbreak.mp4", "\x1b[2J\x1b[31mred.mp4", "\u202etxt.4pm", "n" * 3000,
    "/".join(["deep"] * 600), "CON", "a:stream.mp4", "-rf", "$(touch escape)", "`touch escape`",
    "~/escape.mp4", "file:///etc/passwd", "http://127.0.0.1:9/x.mp4", "concat:a.mp4|/etc/passwd",
    "/dev/zero", "/proc/self/environ", "/dev/stdin", ".", "..", "", " ", "%2e%2e/escape",
    "a//b.mp4", "\ud800.mp4", "e\u0301.mp4", "link.mp4", "link/passwd",
)  # fmt: skip
LONG = "9" * 5000


def text_of(chance: random.Random) -> bytes:
    """JSON, JSON lines, CSV or YAML that no honest tool writes."""
    deep = chance.choice([2_000, 200_000])
    rows = [
        "[" * deep, '{"a":' * deep, "[" * deep + "]" * deep, "{" * deep, "- " * 5000,
        f'[{{"problem_id": {LONG}}}]', '[{"problem_id": 1e999, "problem": NaN}]',
        '{"a": 1, "a": 2}', '"text"', "null", "[]", "[1, 2]", '[{"problem": "\\ud800"}]',
        "\ufeff[{}]", '[{"problem": {"a": []}, "options": {"A": 1}, "path": 7}]',
        '[{"problem_id": [], "problem": 1, "options": "x", "solution": {}, "path": []}]',
        "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n"
                                   for p, c in zip("abcdefghij", "bcdefghijk", strict=True)),
        "a: &a [*a]", "a: &a {b: *a}", "!!python/object/apply:os.system ['touch escape']",
        "!!python/name:os.system", f"seed: {LONG}", "seed: 0x" + "f" * 9000, "date: 2001-99-99",
        "%YAML 9.9\n---\na: b", "a: \x00", "? [a, b]\n: c", "<<: [1]", "a: !!binary '@@'",
        "pipeline: cot\nname: ../../escape\nsources: {own: {path: /etc/passwd}}\n",
        "id,problem\n" + '"' * 10_000, "a,b\n" + "x" * 200_000 + ",1\n", "\x00" * 1000,
    ]  # fmt: skip
    return chance.choice(rows).encode("utf-8", "surrogatepass")


def parquet_of(chance: random.Random) -> bytes:
    """A Parquet file whose footer lies, or that is cut or flipped."""
    out = io.BytesIO()
    table = pa.table({"problem": ["q"] * 100, "path": ["a.mp4"] * 100, "n": list(range(100))})
    pq.write_table(table, out, compression=chance.choice(["none", "zstd", "snappy"]))
    data = bytearray(out.getvalue())
    size = struct.unpack("<I", data[-8:-4])[0]
    how = chance.randrange(4)
    if how == 0:  # anywhere in the footer: row counts, offsets, sizes, types
        for _ in range(chance.choice([1, 3, 20])):
            data[len(data) - 8 - 1 - chance.randrange(size)] ^= 1 << chance.randrange(8)
    elif how == 1:
        data[-8:-4] = struct.pack("<I", chance.choice([0, 2**31, 2**32 - 1, size * 2]))
    elif how == 2:
        del data[chance.randrange(len(data)) : -8]
    else:
        for _ in range(chance.choice([1, 10])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def zip_of(chance: random.Random) -> bytes:
    """A zip with a hostile name, mode, size or body, or a damaged one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as z:
        for _ in range(chance.randrange(1, 4)):
            info = zipfile.ZipInfo("x")
            info.filename = chance.choice(NAMES) or "x"
            kinds = [0, stat.S_IFLNK | 0o777, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFREG]
            info.external_attr = chance.choice(kinds) << 16
            body = bytes(chance.choice([0, 10, 3_000_000]))
            try:
                z.writestr(info, body, chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
            except (UnicodeEncodeError, ValueError, struct.error):
                continue
    return spoiled(out.getvalue(), chance)


def tar_of(chance: random.Random) -> bytes:
    """A tar with hostile names, links and devices, plain or packed."""
    out = io.BytesIO()
    mode = chance.choice(["w", "w:gz"])
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for _ in range(chance.randrange(1, 5)):
            info = tarfile.TarInfo(chance.choice(NAMES).replace("\ud800", "x"))
            info.type = chance.choice(
                [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE,
                 tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.CONTTYPE]
            )  # fmt: skip
            info.linkname = chance.choice(["/etc/passwd", "../../escape", "a"])
            info.size = chance.choice([0, 10, 100_000]) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return spoiled(out.getvalue(), chance)


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """Leave two of three as they are; damage the third."""
    return data if not data or chance.random() < 0.66 else chance.choice(DAMAGES[:6])(data, chance)


def media_of(chance: random.Random) -> bytes:
    """A clip or picture that lies about its size, or a playlist that points elsewhere."""
    lists = [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        b"%!PS\n(/etc/passwd) (r) file\n", b"P6\n99999 99999\n255\n", b"BM" + b"\xff" * 60,
        b"RIFF" + b"\xff" * 4 + b"AVI LIST" + b"\xff" * 100, b"\x1aE\xdf\xa3" + b"\xff" * 200,
        struct.pack(">I4sQ", 1, b"ftyp", 2**63 - 1) + b"isom" * 50, chance.randbytes(2000),
    ]  # fmt: skip
    return chance.choice([lambda: chance.choice(lists), lambda: png_bomb(b"", chance),
                          lambda: gif_bomb(b"", chance)])()  # fmt: skip


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "text": text_of, "parquet": parquet_of, "zip": zip_of, "tar": tar_of, "media": media_of,
}  # fmt: skip


def questions(seed: int, count: int, folder: Path) -> None:
    """Own questions whose media are hostile files under hostile names, one link among them."""
    chance = random.Random(seed)
    clips = folder / "clips"
    clips.mkdir()
    (folder / "outside.mp4").write_bytes(b"outside")
    (clips / "link.mp4").symlink_to(folder / "outside.mp4")
    (clips / "link").symlink_to("/etc")
    rows = []
    for number in range(count):
        path = chance.choice(NAMES)
        if number % 2:
            path = f"{number}{chance.choice(['.mp4', '.png', '.gif', '.m3u8', '.avi'])}"
            (clips / path).write_bytes(media_of(chance))
        rows.append(
            {
                "problem_id": f"{number}\x1b[31m" if number % 7 == 0 else number,
                "problem": chance.choice(
                    ["What?", "\x1b]0;title\x07", "\u202eabc", "{problem}", "\ud800"]
                ),
                "data_type": chance.choice(["video", "image"]),
                "problem_type": "multiple choice",
                "options": ["A. x", "B. y"],
                "solution": "<answer>A</answer>",
                "path": path,
                "data_source": chance.choice(["mine", "../x", "\x00"]),
            }
        )
    (folder / "questions.json").write_text(json.dumps(rows))

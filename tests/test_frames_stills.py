"""Still pictures and animations: upright, in RGB, on white, within a stated limit."""

from pathlib import Path

import numpy as np
import pytest
from faults.media import gif_bomb, png_bomb
from numpy.typing import NDArray
from PIL import Image

from r1data.errors import RowDrop
from r1data.frames import sample
from r1data.frames.take import take_frames
from r1data.grid.drops import Drop

WIDTH, HEIGHT = 112, 84


def halves(left: tuple[int, ...], right: tuple[int, ...]) -> NDArray[np.uint8]:
    image = np.zeros((HEIGHT, WIDTH, len(left)), np.uint8)
    image[:, : WIDTH // 2], image[:, WIDTH // 2 :] = left, right
    return image


def corner(image: NDArray[np.uint8], x: float, y: float) -> list[int]:
    height, width = image.shape[:2]
    return image[int(y * (height - 1)), int(x * (width - 1))].tolist()


def near(pixel: list[int], expected: tuple[int, int, int], by: int = 6) -> bool:
    return bool(np.abs(np.array(pixel) - expected).max() <= by)


RED, BLUE = (220, 20, 20), (20, 20, 220)


def only(path: Path) -> NDArray[np.uint8]:
    frames = sample(path)
    assert len(frames.images) == 1 and frames.backend == "pillow"
    assert np.isnan(frames.times[0]) and frames.indices.tolist() == [0]
    assert frames.images.dtype == np.uint8
    return frames.images[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "webp", "ppm"])
def test_formats_keep_their_colours(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(halves(RED, BLUE)).save(path)
    image = only(path)
    assert near(corner(image, 0.1, 0.5), RED, 12) and near(corner(image, 0.9, 0.5), BLUE, 12)


def test_a_name_does_not_decide_what_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    Image.fromarray(halves(RED, BLUE)).save(path, "JPEG")
    assert near(corner(only(path), 0.1, 0.5), RED, 12)


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter to the right
    path = tmp_path / "a.jpg"
    Image.fromarray(halves(RED, BLUE)).save(path, exif=exif)
    image = only(path)
    assert image.shape[0] > image.shape[1]
    assert near(corner(image, 0.5, 0.1), RED, 12) and near(corner(image, 0.5, 0.9), BLUE, 12)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(halves((*RED, 0), (*BLUE, 255))).save(path)
    image = only(path)
    assert near(corner(image, 0.1, 0.5), (255, 255, 255)) and near(corner(image, 0.9, 0.5), BLUE)


def test_transparent_palette_is_laid_on_white(tmp_path: Path) -> None:
    picture = Image.fromarray(halves(RED, BLUE)).convert("P", palette=Image.Palette.ADAPTIVE)
    red = picture.getpixel((2, 2))
    path = tmp_path / "a.png"
    picture.save(path, transparency=red)
    image = only(path)
    assert near(corner(image, 0.1, 0.5), (255, 255, 255)) and near(corner(image, 0.9, 0.5), BLUE)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(halves(RED, BLUE)).convert("CMYK").save(path)
    image = only(path)
    assert near(corner(image, 0.1, 0.5), RED, 14) and near(corner(image, 0.9, 0.5), BLUE, 14)


def test_sixteen_bits_keep_their_greys(tmp_path: Path) -> None:
    levels = np.zeros((HEIGHT, WIDTH), np.uint16)
    levels[:, : WIDTH // 2], levels[:, WIDTH // 2 :] = 0x4000, 0xC000
    for suffix in ("png", "tif"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(levels).save(path)
        image = only(path)
        assert near(corner(image, 0.1, 0.5), (64, 64, 64), 1)
        assert near(corner(image, 0.9, 0.5), (192, 192, 192), 1)


def test_grey_and_bilevel_become_rgb(tmp_path: Path) -> None:
    for mode in ("L", "1", "LA"):
        path = tmp_path / f"{mode}.png"
        Image.fromarray(halves((255,) * 3, (0,) * 3)).convert(mode).save(path)
        assert near(corner(only(path), 0.1, 0.5), (255, 255, 255))


def test_animated_webp_gives_its_pictures_and_times(tmp_path: Path) -> None:
    pictures = [Image.fromarray(np.full((HEIGHT, WIDTH, 3), i * 12, np.uint8)) for i in range(20)]
    path = tmp_path / "a.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=50, lossless=True)
    frames = sample(path, count=4)
    assert frames.indices.tolist() == [0, 6, 13, 19]
    assert frames.times.tolist() == [0.0, 0.3, 0.65, 0.95]
    assert [int(image.mean()) for image in frames.images] == [0, 72, 156, 228]


def test_transparent_gif_is_laid_on_white(tmp_path: Path) -> None:
    pictures = [Image.fromarray(halves((*RED, 0), (i * 25, 0, 0, 255))) for i in range(4)]
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, disposal=2)
    frames = sample(path)
    assert len(frames.images) == 4 and frames.backend == "pyav"
    for image in frames.images:
        assert near(corner(image, 0.1, 0.5), (255, 255, 255))


def test_single_gif_is_a_still(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.fromarray(halves(RED, BLUE)).save(path)
    assert near(corner(only(path), 0.9, 0.5), BLUE, 12)


@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb])
def test_bombs_are_refused_before_they_are_decoded(bomb: object, tmp_path: Path) -> None:
    import random

    path = tmp_path / "a.png"
    path.write_bytes(bomb(b"", random.Random(0)))  # type: ignore[operator]
    with pytest.raises(RowDrop, match="pixels") as caught:
        sample(path)
    assert caught.value.reason is Drop.UNDECODABLE


def test_cut_picture_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(RowDrop, match="truncated"):
        sample(path)


def test_taken_still_has_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(halves(RED, BLUE)).save(path)
    taken = take_frames(path)
    assert taken.times == [None] and taken.sizes == [(112, 84)] and len(taken.hash) == 33

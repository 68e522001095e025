"""A clip made of a row's pictures, for trainers that take nothing but a video file."""

import io
from collections.abc import Sequence
from fractions import Fraction

# Trainers sample two frames a second at most: no picture is lost at that rate.
PLAIN_RATE = Fraction(2)


def clip_of(pictures: Sequence[bytes], times: Sequence[float]) -> bytes:
    """Return an MP4 that holds each picture once, in order, at the pace of the clip they are from.

    H.264 at a quality that no eye tells from the JPEG; pictures of one clip have one size.
    """
    import av
    from PIL import Image

    frames = [Image.open(io.BytesIO(data)).convert("RGB") for data in pictures]
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as clip:
        stream = clip.add_stream("libx264", rate=rate_of(times))
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12", "preset": "fast", "threads": "1"}
        for frame in frames:
            picture = av.VideoFrame.from_image(frame.resize(frames[0].size))
            clip.mux(stream.encode(picture))
        clip.mux(stream.encode())
    return sink.getvalue()


def rate_of(times: Sequence[float]) -> Fraction:
    """Return the frames a second that keep the pictures' times."""
    if len(times) < 2 or times[-1] <= times[0]:
        return PLAIN_RATE
    rate = Fraction(len(times) - 1) / Fraction(times[-1] - times[0])
    return rate.limit_denominator(1000) or PLAIN_RATE

"""Frames: exact, fast, and safe from any file."""

from r1data.frames.ask import Frames
from r1data.frames.jpeg import encode_jpeg, frames_hash, hash_distance
from r1data.frames.sampling import sample

__all__ = ["Frames", "encode_jpeg", "frames_hash", "hash_distance", "sample"]

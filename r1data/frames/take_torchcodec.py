"""`take_frames` with torchcodec loaded, as it must be before the guarded child gives up files.

torch writes to the folder of temporary files as it is imported, and maps hundreds of megabytes;
the guarded child may do neither once its limits stand, but what its target imports comes first.
"""

from contextlib import suppress

from r1data.errors import MissingPackage
from r1data.frames.take import take_frames
from r1data.frames.torchcodec import load_decoders

__all__ = ["take_frames"]

# Where it is missing the backend says so when it is reached, which in a list it may never be.
with suppress(MissingPackage):
    load_decoders()

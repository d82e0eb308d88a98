"""The memory of a worker process, which lives for one command and may keep what it frees."""

import ctypes
from typing import Final

_MALLOC: Final = ((-3, 32 << 20), (-1, 512 << 20))
"""M_MMAP_THRESHOLD and M_TRIM_THRESHOLD: how large an array, and how much free memory, goes back to the system."""


def keep_freed_memory() -> None:
    """Ask the C library, where it is glibc, to hold on to freed arrays.

    A long replay frees and takes the same few MB in every window; to fetch them from the system each time was a
    twentieth of all its time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    for name, num_bytes in _MALLOC:
        mallopt(name, num_bytes)

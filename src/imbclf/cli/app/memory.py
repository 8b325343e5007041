"""Settings of glibc malloc that speed up training on a CPU."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 2**30  # bytes; larger blocks are returned to the system when freed


def keep_freed_memory() -> None:
    """Make glibc reuse freed memory instead of returning it to the system.

    By default glibc returns large blocks at once and requests them again, and the system zeroes
    each page: at every step, for every activation of a network. Peak memory does not change.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT)

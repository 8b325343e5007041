"""How the C library hands memory back, which costs a training on a CPU more than it saves."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 2**30  # bytes: larger blocks go back to the system as they are freed


def keep_freed_memory() -> None:
    """Let this process use again what it freed, where the C library is glibc.

    glibc gives large blocks back at once and asks for them again, and the system fills each page
    with zeros: at every step, for every activation of a network. The peak stays what it was.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT)

"""How memory is had from the system, which can cost a training on a CPU more than it need."""

import ctypes
import os
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 2**30  # bytes: larger blocks go back to the system as they are freed
HUGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # read by torch as it makes its first tensor


def set_up_memory() -> None:
    """Let this process use again what it freed, and large tensors lie in huge pages.

    glibc gives large blocks back at once and asks for them again, and the system fills each page
    with zeros: at every step, for every activation of a network. The peak stays what it was.

    In pages of 4 KiB the addresses of a batch's activations do not fit the processor's table of
    them (https://docs.kernel.org/admin-guide/mm/transhuge.html); torch asks for pages of 2 MiB
    where that is allowed, as it is in most distributions. The user's own setting stands.
    """
    os.environ.setdefault(HUGE_PAGES, "1")
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT)

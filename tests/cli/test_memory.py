"""Freed memory is reused."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from imbclf.cli.app.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
import torch
for _ in range(20):
    torch.ones(16_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(16_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    """Return the number of page faults for one more tensor of 64 MB."""
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is configured")
def test_freed_memory_is_reused() -> None:
    assert page_faults("kept") < page_faults("usual") / 100

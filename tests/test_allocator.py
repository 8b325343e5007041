"""Memory that a process freed is used again, and large tensors lie in huge pages."""

import subprocess
import sys
from pathlib import Path

import pytest

from imbclf.cli.allocator import HUGE_PAGES

ALLOWED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
PROGRAM = """
import re, resource, sys
from pathlib import Path
from imbclf.cli.allocator import set_up_memory
if sys.argv[1] == "set_up":
    set_up_memory()
import torch
for _ in range(20):
    torch.ones(16_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
kept = torch.ones(16_000_000)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
(huge,) = re.findall("AnonHugePages: +([0-9]+)", Path("/proc/self/smaps_rollup").read_text())
print(faults, huge)
"""


def measured(how: str, environment: dict[str, str]) -> tuple[int, int]:
    """Page faults of one more tensor of 64 MB, and KiB in huge pages."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    faults, huge = done.stdout.split()
    return int(faults), int(huge)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_is_used_again_and_lies_in_huge_pages_where_the_user_lets_it() -> None:
    usual_faults, _ = measured("usual", {})
    small_faults, small_pages = measured("set_up", {HUGE_PAGES: "0"})
    faults, huge = measured("set_up", {})
    assert small_faults < usual_faults / 100
    assert faults < usual_faults / 100
    if ALLOWED.exists() and "[never]" not in ALLOWED.read_text():
        assert huge > small_pages + 32_000

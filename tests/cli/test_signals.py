import subprocess
import sys
import textwrap

import pytest


def interrupted(body: str) -> "subprocess.CompletedProcess[str]":
    code = f"""
import os, signal, time
from imbclf.cli.app.signals import caught_signals, acknowledge_interrupt
from imbclf.errors import Interrupted
handlers = caught_signals()
handlers.__enter__()
def stop(): os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.01)
try:
{textwrap.indent(textwrap.dedent(body), "    ")}
    for _ in range(800): time.sleep(0.01)
    print("never raised")
except Interrupted as interruption:
    acknowledge_interrupt()
    time.sleep(3.5)
    print("caught", interruption.args[0])
"""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize(
    "body",
    [
        "stop()",
        """
        class Last:
            def __del__(self): stop()
        Last()
        """,
        """
        try: stop()
        except BaseException: pass
        """,
        """
        import pathlib, sys, tempfile
        folder = tempfile.mkdtemp()
        pathlib.Path(folder, "slow.py").write_text(
            "import os, time\\nos.kill(os.getpid(), 15)\\ntime.sleep(0.5)\\nwhole = 1"
        )
        sys.path.append(folder)
        try: import slow
        finally: assert sys.modules["slow"].whole
        """,
    ],
)
def test_a_signal_is_raised_wherever_it_arrives_and_only_once(body: str) -> None:
    assert interrupted(body).stdout == "caught 15\n"


def test_a_second_signal_ends_the_process() -> None:
    assert interrupted("try: stop()\nexcept Interrupted: stop()").returncode == -15

"""Eight writers at once on one store, for a short while."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import benchmark_tracking as script


@pytest.mark.slow
def test_eight_writers_on_one_store_lose_nothing_and_a_loss_would_be_seen(tmp_path: Path) -> None:
    answers = script.crowd(tmp_path, writers=8, seconds=5)
    assert len({answer.run_id for answer in answers}) == 8
    assert not any(answer.gave_up for answer in answers)
    assert min(len(answer.seconds) for answer in answers) > 0
    assert script.lost(tmp_path, answers) == 0
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        (rows,) = database.execute("SELECT count(*) FROM metrics").fetchone()
        assert rows == 4 * sum(len(answer.seconds) for answer in answers)
        database.execute(
            "DELETE FROM metrics WHERE key = 'dev/hter' AND step = 0 AND run_uuid = ?",
            (answers[3].run_id,),
        )
        database.commit()
    assert script.lost(tmp_path, answers) == 1
    told = script.report(answers, 1)
    assert "lost values  1" in told
    assert re.search(r"p50 [\d.]+ ms, p99 [\d.]+ ms", told)

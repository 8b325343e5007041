"""A reading test: ten questions of somebody who sees nothing but the first screen of a report.

Each answer is counted in the tables of the run, and must stand in the text of the first section
outside of what is folded, in the words that the pattern of the question expects.
"""

import json
import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from helpers.written_runs import CPU, IMAGES, write_images, write_run
from imbclf.evaluation.run_command import write_command
from imbclf.evaluation.run_images import from_run
from imbclf.reporting.run_report import write_report

OPTIONS = ("data.dir=photos", "loss=focal", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screen")
    write_images(folder / "photos")
    write_run(folder / "run", folder / "photos")
    config = json.loads((folder / "run" / "config.yaml").read_text())
    config["model"] = {"name": "shufflenet_v2_x0_5"}
    (folder / "run" / "config.yaml").write_text(json.dumps(config))
    write_command(folder / "run", OPTIONS)
    write_report(folder / "run", from_run(folder / "run", None), CPU)
    return folder / "run"


def first_screen(run: Path) -> str:
    """Return the text of the first section, without markup and without what is folded."""
    html = (run / "report.html").read_text(encoding="utf-8")
    section = re.search(r'<section id="result">(.*?)</section>', html, re.DOTALL)
    assert section is not None
    shown = re.sub(r"<details>.*?</details>", "", section[1], flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", shown)))


def answer(run: Path, pattern: str) -> str:
    """Return the one place in the text that answers a question."""
    found = re.findall(pattern, first_screen(run))
    assert len(found) == 1, (pattern, first_screen(run))
    return str(found[0])


def table(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "oof.csv")


def test_1_what_was_looked_at(run: Path) -> None:
    rare = int((table(run)["label"] == 0).sum())
    assert answer(run, r"Images (\d+): \d+ labeled bad") == str(IMAGES)
    assert answer(run, r"Images \d+: (\d+) labeled bad & <small>") == str(rare)
    assert "in photos" in first_screen(run)


def test_2_is_it_any_good(run: Path) -> None:
    stored = json.loads((run / "summary.json").read_text())["verdict"]["sentence"]
    assert stored.startswith("Better than guessing")
    assert stored in first_screen(run)


def test_3_how_many_of_the_rare_ones_are_found(run: Path) -> None:
    own = table(run).query("label == 0")
    share = (own["decision"] == 0).mean()
    assert answer(run, r"Sensitivity (\S+) %") == f"{100 * share:.1f}"
    found, total = int((own["decision"] == 0).sum()), len(own)
    assert f"{found} of {total} bad & <small> found" in first_screen(run)


def test_4_how_many_of_the_others_are_recognized(run: Path) -> None:
    own = table(run).query("label == 1")
    assert answer(run, r"Specificity (\S+) %") == f"{100 * (own['decision'] == 1).mean():.1f}"


def test_5_how_many_were_missed(run: Path) -> None:
    missed = len(table(run).query("label == 0 and decision == 1"))
    cells = answer(run, r"labeled bad & <small> (\d+ \S+ % found \d+ \S+ % missed)").split()
    assert cells[4] == str(missed)


def test_6_how_many_false_alarms_were_there(run: Path) -> None:
    alarms = len(table(run).query("label == 1 and decision == 0"))
    cells = answer(run, r"labeled good (\d+ \S+ % false alarms \d+ \S+ % cleared)").split()
    assert cells[0] == str(alarms)


def test_7_what_does_a_positive_decision_mean(run: Path) -> None:
    decided = table(run).query("decision == 0")
    right = (decided["label"] == 0).mean()
    share = (table(run)["label"] == 0).mean()
    pattern = r"a decision for bad & <small> is right in (\S+) % of the cases \(PPV, 95 %: "
    assert answer(run, pattern) == f"{100 * right:.1f}"
    assert answer(run, r"of these decisions right (\S+) %") == f"{100 * right:.1f}"
    assert answer(run, r"Where (\S+) % of the images are bad") == f"{100 * share:.1f}"


def test_8_what_does_a_negative_decision_mean(run: Path) -> None:
    right = (table(run).query("decision == 1")["label"] == 1).mean()
    assert answer(run, r"one for good in (\S+) % \(NPV, 95 %: ") == f"{100 * right:.1f}"


def test_9_how_sure_are_these_numbers(run: Path) -> None:
    ends = re.findall(r"95 %: (\S+) to (\S+)", first_screen(run))
    assert len(ends) == 4
    assert all(float(low) < float(high) for low, high in ends)
    low, high = json.loads((run / "summary.json").read_text())["hter_interval"]
    assert ends[0] == (f"{100 * low:.1f}", f"{100 * high:.1f}")


def test_10_was_it_measured_on_images_it_had_learned_from_and_how_can_i_get_it_again(
    run: Path,
) -> None:
    text = first_screen(run)
    assert "judged by a model that was not trained on it, at a threshold chosen on other" in text
    assert "of another device, site or population, only labeled images from there can tell" in text
    assert "imbclf-train data.dir=photos loss=focal trainer.max_epochs=2" in text
    assert answer(run, r"Changed from the defaults (.*?) Command") == (
        "loss=focal trainer.max_epochs=2"
    )
    assert answer(run, r"Model (\S+), 3 fold models, \d{4}-\d\d-\d\d") == "shufflenet_v2_x0_5"


def test_runs_of_version_0_1_are_judged_too_and_a_number_is_called_a_label(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos")
    path = tmp_path / "run" / "summary.json"
    stored = json.loads(path.read_text())
    stored["label_names"] = ["0", "1"]
    known = stored.pop("detection"), stored.pop("verdict")  # version 0.1 did not write them
    path.write_text(json.dumps(stored))
    write_report(tmp_path / "run", from_run(tmp_path / "run", None), CPU)
    text = first_screen(tmp_path / "run")
    assert "Finding label 0 in photos" in text
    assert f"Sensitivity {100 * known[0]['sensitivity']:.1f} %" in text
    assert known[1]["sentence"] in text
    assert "a decision for label 0 is right" in text

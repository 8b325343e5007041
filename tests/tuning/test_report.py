"""The page of a study: what it shows of its trials, and that no name becomes markup."""

import re
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.strict_html import Strict
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.outcome import AUROC, HTER
from imbclf.tuning.page import study_page
from imbclf.tuning.report import describe_effort, sort_trials, trials_table

NASTY = "<script>alert('x')</script> & \"quoted\""
OPTIONS = TuneOptions(NASTY.replace("/", ""), metric="auroc")


def trials() -> list[FrozenTrial]:
    """Return two completed trials of 4 epochs in 40 s each, and one pruned after 2 in 10 s."""
    space: dict[str, Any] = {
        "lr": FloatDistribution(0, 1),
        NASTY: CategoricalDistribution(["a", NASTY]),
    }
    study = optuna.create_study(direction="maximize")
    for values, choice in (([0.5, 0.6, 0.7, 0.8], "a"), ([0.4, 0.5], NASTY), ([0.9] * 4, NASTY)):
        whole = len(values) == 4
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if whole else TrialState.PRUNED,
                value=values[-1],
                params={"lr": 0.25, NASTY: choice},
                distributions=space,
                intermediate_values=dict(enumerate(values, 1)),
                user_attrs={HTER: 0.125, AUROC: values[-1]} if whole else {},
            )
        )
    made = study.get_trials()
    for trial in made:
        trial.datetime_start = datetime(2020, 1, 1)
        seconds = 40 if trial.state is TrialState.COMPLETE else 10
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=seconds)
    return made


def test_the_page_shows_all_trials_the_best_first_and_escapes_names() -> None:
    shares = {NASTY: 0.75, "lr": 0.25}
    html = study_page(trials(), OPTIONS, 4, shares, [NASTY], f"imbclf-train '{NASTY}'").html()
    parser = Strict()
    parser.feed(html)
    assert parser.open == []
    assert html.count("<script>") == 1
    assert parser.texts.count(NASTY) == 4  # a paragraph, a column and two cells
    assert f"imbclf-train '{NASTY}'" in parser.texts
    figures = [link for link in parser.links if not link.startswith("#")]
    assert len(figures) == 3
    assert all(link.startswith("data:image/svg") for link in figures)
    first = [row.split('"')[0] for row in html.split('<tr><td class="number" data-value="')[1:]]
    assert first == ["2", "0", "1"]
    assert "the time of 2.2 completed trials, the epochs of 2.5" in describe_effort(trials(), 4)


def test_without_importance_the_page_says_when_there_is_one() -> None:
    html = study_page(trials(), OPTIONS, 4, {}, [], "").html()
    assert len(re.findall("<img ", html)) == 2
    assert "Importance is shown from eight trials on" in html


def test_the_terminal_shows_the_best_trials_and_counts_the_rest() -> None:
    head, *rows, rest = trials_table(trials(), OPTIONS, 4, longest=2).splitlines()
    assert head.split() == ["trial", "AUROC", "dev", "HTER", "seconds", "parameters"]
    assert [row.split()[:3] for row in rows] == [
        ["2", "0.9000", "0.1250"],
        ["0", "0.8000", "0.1250"],
    ]
    assert rest.split() == ["and", "1", "more", "in", "trials.csv"]
    assert [trial.number for trial in sort_trials(trials(), OPTIONS.direction)] == [2, 0, 1]

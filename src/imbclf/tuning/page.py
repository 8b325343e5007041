"""The HTML page of a study."""

from collections.abc import Mapping, Sequence

from optuna.trial import FrozenTrial

from imbclf.reporting.html_page import Cell, Page
from imbclf.tuning.figures import NAMES, draw_history, draw_importance, draw_learning_curves
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.outcome import AUROC, HTER, last_value, seconds, steps_done
from imbclf.tuning.report import format_value, parameter_names, sort_trials

OTHERS = {HTER: "dev HTER", AUROC: "dev AUROC"}


def study_page(
    trials: Sequence[FrozenTrial],
    options: TuneOptions,
    steps: int,
    shares: Mapping[str, float],
    findings: Sequence[str],
    command: str,
) -> Page:
    """Return the HTML page of a study.

    Args:
        trials: those that count.
        options: of the study.
        steps: epochs of a completed trial.
        shares: importance by parameter.
        findings: the results, in sentences.
        command: the next command to run.
    """
    page = Page(f"Study {options.name}")
    name, ranked = NAMES[options.metric], sort_trials(trials, options.direction)
    page.headline(f"Best {name} on dev", f"{last_value(ranked[0]):.4f}", f"of {len(trials)} trials")
    for finding in findings:
        page.paragraph(finding)
    page.heading("Next")
    page.code(command)
    page.heading("Trials")
    _add_figures(page, trials, options, shares)
    names = parameter_names(trials)
    others = [key for key in OTHERS if key != f"imbclf.{options.metric}"]
    page.table(
        ["Trial", "State", name, "Epochs", "Seconds", *(OTHERS[key] for key in others), *names],
        [_row(trial, others, names) for trial in ranked],
        f"{name}: mean over dev parts; of a pruned trial, its last value. A completed trial has "
        f"{steps} epochs. Click a column's head to sort.",
    )
    return page


def _add_figures(
    page: Page, trials: Sequence[FrozenTrial], options: TuneOptions, shares: Mapping[str, float]
) -> None:
    """Add history, learning curves and, where there are enough trials, importance."""
    name = NAMES[options.metric]
    history = (
        "Filled: completed trials. Hollow: pruned ones, at their last value. Line: the best "
        "completed trial so far."
    )
    curves = "Each trial's best epoch so far; pruned trials end early."
    figures = [
        (draw_history(trials, options), f"{name} of each trial. {history}", history),
        (draw_learning_curves(trials, options), f"{name} on dev by epoch. {curves}", curves),
    ]
    if shares:
        caption = (
            "Share of each parameter in the difference between good and bad trials (PED-ANOVA), "
            "by the last values of all trials, pruned ones included."
        )
        figures.append((draw_importance(shares), f"Importance of parameters. {caption}", caption))
    page.figures(figures)
    if not shares:
        page.paragraph(
            "Importance is shown from eight trials on, for parameters that eight trials have.",
            note=True,
        )


def _row(trial: FrozenTrial, others: Sequence[str], names: Sequence[str]) -> list[Cell]:
    own: list[Cell] = [trial.number, trial.state.name.lower(), last_value(trial)]
    own += [steps_done(trial), round(seconds(trial))]
    own += [trial.user_attrs.get(key) for key in others]
    return own + [
        format_value(trial.params[name]) if name in trial.params else None for name in names
    ]

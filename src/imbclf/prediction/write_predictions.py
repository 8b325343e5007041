"""What was decided of the images of a listing, in files and in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.labeling_rule import REFER
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.predict_folder import EXACT, FolderPredictions
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.referral import Referral
from imbclf.utils.files import write_text
from imbclf.utils.tables import write_json, write_table

PREDICTIONS, LABELS, SUMMARY = "predictions.csv", "labels.txt", "predictions.json"


def write_predictions(
    found: FolderPredictions,
    predictor: Predictor,
    options: DecisionOptions,
    addresses: Sequence[str],
    out: Path,
    point: OperatingPoint | None = None,
) -> None:
    """Write `predictions.csv`, `labels.txt` and `predictions.json` into a folder.

    Args:
        found: what was decided.
        predictor: what decided it.
        options: how it decided.
        addresses: where the predictor was loaded from.
        out: the folder.
        point: the aim that the threshold was chosen for, if it was.
    """
    answer, drift = found.answer, found.drift
    account, names, rows = found.listing.account, found.names, found.rows
    known = predictor.columns(answer, found.warnings)
    columns = {"file": names} | {name: _spread(values, rows) for name, values in known.items()}
    if found.unfamiliarity is not None:
        columns["unfamiliarity"] = _spread(found.unfamiliarity.round(3), rows)
    if any(found.problems):
        columns["problem"] = found.problems
    write_table(out / PREDICTIONS, columns)
    write_text(out / LABELS, "".join(f"{label}\n" for label in columns["label"]))
    counts = [count for count, _ in found.below_half]
    summary: dict[str, Any] = {
        "ckpt": [*addresses],
        "models": len(predictor.fold_models),
        "images": len(answer.labels),
        "labels": dict(zip(predictor.label_names, counts, strict=True)),
        "tta": predictor.tta if options.tta is None else options.tta,
        "calibration": options.calibration,
        "prior": options.prior,
        "precision": found.precision,
        **found.rule.to_json(),
        **({} if point is None else {"operating_point": point.to_json()}),
        **({} if found.referral is None else _referred(found, found.referral)),
        "below_half": dict(
            zip(predictor.label_names, (few for _, few in found.below_half), strict=True)
        ),
        "account": account.to_json(),
        "like_training": None if drift is None else not drift.warnings,
        "warnings": [] if drift is None else [*drift.warnings.values()],
        "compared": None if drift is None else drift.findings,
    }
    write_json(out / SUMMARY, summary)


def _referred(found: FolderPredictions, referral: Referral) -> dict[str, Any]:
    return {"referred": int((found.answer.outcomes < 0).sum()), "referral": referral.to_json()}


def _spread(values: NDArray[Any] | list[str], rows: Sequence[int | None]) -> list[Any]:
    """Return the value of each row, "" where there is none."""
    known = values if isinstance(values, list) else values.tolist()
    return ["" if row is None else known[row] for row in rows]


def prediction_text(found: FolderPredictions, predictor: Predictor, out: Path) -> str:
    """Return what was decided, and by which rule, in a few lines for a terminal."""
    zero, one = predictor.label_names
    counts = [count for count, _ in found.below_half]
    total = len(found.answer.labels)
    return "\n".join(
        (
            f"models       {len(predictor.fold_models)}",
            f"images       {total}: {counts[0]} of label {zero}, {counts[1]} of label {one}"
            + _referred_count(found)
            + _without_label(found),
            f"rule         {found.rule.sentence}",
            *(f"             {line}" for line in less_probable(found, predictor.label_names)),
            *_with_warnings(found),
            *_in_fewer_bits(found),
            f"predictions  {out / PREDICTIONS}",
            f"labels       {out / LABELS}",
        )
    )


def less_probable(found: FolderPredictions, names: tuple[str, str]) -> list[str]:
    """Return how many labels are less probable than the other label, by label."""
    return [
        f"{few} of {count} labeled {name} have P({name}) below .5"
        for name, (count, few) in zip(names, found.below_half, strict=True)
        if few
    ]


def _referred_count(found: FolderPredictions) -> str:
    if found.referral is None:
        return ""
    count = int((found.answer.outcomes < 0).sum())
    return f", {count} referred to a person ({REFER} in the place of a label)"


def _with_warnings(found: FolderPredictions) -> list[str]:
    count = sum(map(bool, found.warnings))
    if not count:
        return []
    words = "1 image differs" if count == 1 else f"{count} images differ"
    return [
        f"unlike       {words} from all training images; column warning of {PREDICTIONS} says how"
    ]


def _in_fewer_bits(found: FolderPredictions) -> list[str]:
    if found.precision == EXACT:
        return []
    return [
        f"precision    {found.precision}, for speed; exported files and served models compute in "
        f"float32, as precision={EXACT} does here, and their scores differ a little"
    ]


def _without_label(found: FolderPredictions) -> str:
    count = sum(map(bool, found.problems))
    return f"; {count} without a label, with the reason in {PREDICTIONS}" if count else ""

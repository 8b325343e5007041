"""The model card of a predictor, `predictor/README.md`: what it is, how good, how to use it.

Its sections follow Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from imbclf.prediction.manifest import PREDICTOR
from imbclf.reporting.backbone_license import backbone_license
from imbclf.reporting.run_report.data_set import data_lines
from imbclf.reporting.run_report.other_thresholds import COLUMNS, threshold_rows
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.text import origin, percent, predictor_text
from imbclf.reporting.run_report.weights_license import weights_license
from imbclf.utils.files import write_text

CARD = "README.md"
LOADING = """```python
import imbclf

predictor = imbclf.load("RUN_DIRECTORY")      # or this folder
table = predictor.predict(["one.png", "two.png"])
```

    imbclf-predict RUN_DIRECTORY IMAGES

Weights are safetensors, the rest is JSON: loading runs no code from these files."""
LIMITS = (
    "The numbers hold for images like those it was measured on. For another device, site, "
    "population or way of preparation, measure it on labeled images from there (imbclf-evaluate).",
    "It answers every image with one of two labels, also an image of something else altogether. "
    "imbclf-predict warns of images unlike those of training, but not of all.",
    "PPV and NPV change with the share of the labels; sensitivity and specificity may change with "
    "the kind of cases.",
    "It is no medical device and has no approval of any kind. Whether it may decide about people "
    "is for those to judge who answer for it.",
)


def write_model_card(report: Report) -> None:
    """Write the model card into the predictor's folder, if there is one."""
    folder = report.data.run / PREDICTOR
    if folder.is_dir():
        write_text(folder / CARD, model_card(report))


def model_card(report: Report) -> str:
    """Return the model card as Markdown."""
    sections = {
        f"Finding {report.found} in {report.data_name}": _intended(report),
        "Data": [*_data(report)],
        "How it was measured": [origin(report.data), predictor_text(report.data)],
        "Results": _results(report),
        "Operating points": [
            "Read off the test images, and so a little too optimistic.",
            _table(COLUMNS, threshold_rows(report)),
        ],
        "Subgroups": _subgroups(report.summary.get("subgroups", []), report.data.names),
        "Limits": ["\n".join(f"- {limit}" for limit in LIMITS)],
        "License of the backbone": [
            weights_license(report.data.run)
            or backbone_license(report.data.options.get("model", {}))
        ],
        "How to load it": [LOADING],
    }
    parts = [
        f"{'#' if number == 0 else '##'} {title}\n\n" + "\n\n".join(blocks)
        for number, (title, blocks) in enumerate(sections.items())
        if blocks
    ]
    return "\n\n".join(parts) + "\n"


def _intended(report: Report) -> list[str]:
    zero, one = report.data.names
    return [
        f"It decides for each image between two labels: `{zero}` (label 0) and `{one}` (label 1). "
        f"Rates below are about finding {report.found}. It is an ensemble: {report.network}. "
        f"imbclf {report.summary['versions'].get('imbclf', '')} made it; report.html in "
        "the run directory has figures and images."
    ]


def _data(report: Report) -> Sequence[str]:
    zero, one = report.summary["class_counts"]
    names = report.data.names
    counts = f"{zero + one:,} images: {zero:,} labeled `{names[0]}`, {one:,} labeled `{names[1]}`."
    return [counts, *data_lines(report)]


def _results(report: Report) -> list[str]:
    summary, rates = report.summary, report.detection
    share = percent(rates["prevalence"])
    rows = [
        ["HTER", *_shown(summary, "hter")],
        ["Sensitivity", *_shown(rates, "sensitivity")],
        ["Specificity", *_shown(rates, "specificity")],
        [f"PPV at {share}", *_shown(rates, "ppv")],
        [f"NPV at {share}", *_shown(rates, "npv")],
        ["AUROC", *_plain(summary["auroc"], *summary["auroc_interval"])],
        *(
            [["HTER, given test part", *_shown(summary["test"], "hter")]]
            if "test" in summary
            else []
        ),
    ]
    table = _table(["Measure", "Value", "95 % interval"], rows)
    warnings = [f"Warning: {sentence}." for sentence in summary.get("warnings", [])]
    return [f"{report.verdict['sentence']}.", table, *warnings]


def _subgroups(columns: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    head = [*(f"Images of {name}" for name in names), "HTER", "95 % interval"]
    return [
        _table(
            [column["column"], *head],
            [
                [row["value"], *row["class_counts"], *_shown(row, "hter")]
                for row in column["values"]
            ],
        )
        for column in columns
    ]


def _shown(values: Mapping[str, Any], name: str) -> tuple[str, str]:
    low, high = values.get(f"{name}_interval", (None, None))
    interval = "" if low is None or high is None else f"{percent(low)} to {percent(high)}"
    return percent(values[name]), interval


def _plain(value: float, low: float | None, high: float | None) -> tuple[str, str]:
    interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    return f"{value:.3f}", interval


def _table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")

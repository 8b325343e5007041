"""The section of a comparison that says what more images would bring."""

from imbclf.evaluation.learning_curve import LearningCurve, curve_sentence
from imbclf.reporting.figures.learning_curve import draw_learning_curve
from imbclf.reporting.html_page import Cell, Page


def add_learning_curve(page: Page, curve: LearningCurve) -> None:
    """Add the section: the sentence, the figure, and a table of what was measured and expected."""
    page.heading("Learning curve")
    sentence = curve_sentence(curve)
    page.paragraph(sentence.removeprefix("Learning curve: "))
    page.figures(
        [
            (
                draw_learning_curve(curve),
                sentence,
                "HTER by the share of the images that the folds were trained on, on the same dev "
                "and test images; a + b share^-c is fitted. The intervals account for chance in "
                "the test images, not for chance in the training, and not for a curve that bends. "
                "Every share is trained for the same number of epochs.",
            )
        ]
    )
    rows = [_row(curve, *one, "measured") for one in _points(curve, expected=False)]
    if curve.falls:
        rows += [_row(curve, *one, "extrapolated") for one in _points(curve, expected=True)]
    names = [f"Images of {name}" for name in curve.label_names]
    rest = ["HTER", "95 % interval", "Kind"]
    page.table(
        ["Share of the images", *names, *rest],
        rows,
        "Extrapolation to more than twice the images is a guess: it is right only if nothing but "
        "the number of images changes.",
    )


def _points(
    curve: LearningCurve, *, expected: bool
) -> list[tuple[float, float, tuple[float, float]]]:
    if expected:
        columns = curve.times, curve.expected, curve.expected_intervals
    else:
        columns = curve.shares, curve.hters, curve.intervals
    return [
        (float(share), float(rate), (float(ends[0]), float(ends[1])))
        for share, rate, ends in zip(*columns, strict=True)
    ]


def _row(
    curve: LearningCurve, share: float, rate: float, ends: tuple[float, float], kind: str
) -> list[Cell]:
    images: list[Cell] = [round(share * count) for count in curve.images]
    return [f"{100 * share:.0f} %", *images, rate, f"{ends[0]:.4f} to {ends[1]:.4f}", kind]

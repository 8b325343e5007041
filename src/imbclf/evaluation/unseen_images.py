"""Labeled images that a run never saw: those that it held out, or those of another folder."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imbclf.data.dataset import LabelledFolder
from imbclf.data.holdout import find_holdout
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import SIXTEEN_BITS, PixelOptions
from imbclf.data.reading.label_values import list_option
from imbclf.data.reading.options import ReadingOptions
from imbclf.errors import UserError
from imbclf.evaluation.given_test import TEST_TABLE
from imbclf.evaluation.run_images import data_options
from imbclf.evaluation.training_images import read_training_images
from imbclf.prediction.manifest import PREDICTOR, Manifest
from imbclf.utils.renamed import current_name
from imbclf.utils.safe_reading import read_yaml, readable

RUN_FILES = ("config.yaml", "splits.csv")
# What `imbclf-train` writes there; of these, neither is called here.
OURS = {
    "data._target_": "imbclf.data.LabelledFolder",
    "data.make._target_": "imbclf.data.demo.write_demo",
}


def run_of(address: str | Path) -> Path | None:
    """Return the run directory that an address is, or that its predictor or checkpoint lies in.

    >>> run_of("models:/faces@champion") is None
    True
    """
    if str(address).startswith(("runs:/", "models:/")):
        return None
    path = Path(address)
    if (path / "config.yaml").exists():
        return path
    above = path.resolve().parents[:2]
    # Of a config.yaml alone anybody's program may have been the author.
    return next((one for one in above if all((one / name).exists() for name in RUN_FILES)), None)


def held_out_images(run: Path, cache_dir: str, batch_size: int) -> tuple[LabelledFolder, Listing]:
    """Return the images that a run held out.

    Where they lie and how they are labeled is read from the run; nothing that it names is called.

    Args:
        run: the run directory.
        cache_dir: where their decoded pixels are kept.
        batch_size: images at once.

    Raises:
        UserError: the run held none out, or only code of its own could find them.
    """
    refuse_foreign_data(run)
    if (run / TEST_TABLE).exists():
        raise UserError(
            f"{run}: held no images out, since its data has a test part, which is judged already "
            f"({TEST_TABLE}, and test in summary.json). For other labeled images: data.dir=PATH"
        )
    options = {**data_options(run), "cache_dir": cache_dir, "batch_size": batch_size}
    try:
        data = LabelledFolder(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"data: {error}") from error
    return data, find_holdout(run, data.list_files())


def other_images(data: LabelledFolder, run: Path | None) -> Listing:
    """Return the images of a folder, none of which the run was trained on, read as those were.

    Raises:
        UserError: the run was trained on some of them, or they cannot be read.
    """
    if run is None:
        return data.list_files()
    refuse_foreign_data(run)
    options = data_options(run)
    is_own = Path(options["dir"]).resolve() == Path(data.dir).resolve()
    known = read_training_images(run) if is_own else None
    if is_own and known is None:
        raise _trained_on(data.dir)
    rule = ("positive", "label_map", "drop", "file", "label", "group")
    of_training: dict[str, Any] = {name: options.get(name) for name in rule}
    training = ReadingOptions(**of_training)
    finished = (run / PREDICTOR).exists()  # a fold's checkpoint can be judged before
    names = Manifest.load(run / PREDICTOR).label_names if finished else None
    listing = data.list_files(data.reading().with_rule_of(training, names))
    # Another table of the same folder may name other images.
    trained = 0 if known is None else int(np.isin(listing.files, known["file"].to_numpy(str)).sum())
    if trained:
        raise _trained_on(data.dir, f" ({trained:,} of {len(listing):,})")
    return listing


def _trained_on(folder: str, some: str = "") -> UserError:
    return UserError(
        f"data.dir={folder}: the run was trained on these images{some}, and would look too good. "
        "Its honest result is in summary.json; give images that it never saw"
    )


def open_unseen(
    data: LabelledFolder,
    listing: Listing,
    label_names: tuple[str, str],
    size: tuple[int, int],
    options: PixelOptions = SIXTEEN_BITS,
) -> tuple[Any, Listing]:
    """Decode images as for a predictor: uint8 `[N, H, W, 3]`, and which images these are.

    Args:
        data: how the images are read, but for size, depth and resizing mode.
        listing: which of them.
        label_names: of the predictor.
        size: (height, width) of the predictor's images.
        options: depth and resizing mode of the predictor.

    Raises:
        UserError: their labels, or a depth or mode that is asked for, are not the predictor's.
    """
    if label_names != listing.label_names:
        zero, one = listing.label_names
        raise UserError(
            f"data.dir={data.dir}: labels are called {zero} and {one}, those of the run "
            f"{' and '.join(label_names)}. If {zero} here is {label_names[0]} and {one} is "
            f"{label_names[1]}, say {list_option('names', label_names)}; else say which is which "
            "with data.label_map or data.positive"
        )
    for name, given, known in (
        ("depth", data.pixel_options.scale, options.scale),
        ("fit", data.fit, options.fit),
    ):
        if given not in (None, known):
            raise UserError(
                f"data.{name}={getattr(data, name)}: the predictor was trained with {known}; leave "
                "it out"
            )
    own = replace(data, image_size=size, depth=options.scale, fit=options.fit)
    return own.open(listing)


def refuse_foreign_data(run: Path) -> None:
    """Refuse a run whose images only code of its own could find; of the rest nothing is called.

    Raises:
        UserError: names that code, or there is no readable configuration.
    """
    source = run / "config.yaml"
    with readable(source, "the configuration of a run directory"):
        data = read_yaml(source)["data"]
    if "'_args_'" in str(data):
        raise UserError(f"{source}: arguments of calls that imbclf never writes")
    foreign = [f"{key}={target}" for key, target in _foreign_targets(data, "data")]
    if foreign:
        raise UserError(
            f"{source} names code that is not imbclf's, or not for that place: "
            f"{', '.join(foreign)}. imbclf-evaluate reads images by its own code alone"
        )


def _foreign_targets(node: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        node = dict(enumerate(node))
    for key, value in node.items() if isinstance(node, dict) else ():
        name = f"{path}.{key}"
        if key == "_target_" and OURS.get(name) != current_name(str(value)):
            yield name, str(value)
        yield from _foreign_targets(value, name)

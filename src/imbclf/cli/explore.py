"""`imbclf-explore`: examine a labeled folder before training."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import expect_bool, refuse_overwriting
from imbclf.cli.config.validation import check
from imbclf.errors import UserError
from imbclf.utils.checks import check_range

if TYPE_CHECKING:
    from imbclf.data.exploration.result import Exploration
    from imbclf.data.listing import Listing


def main() -> None:
    """Run the command."""
    sys.exit(launch("explore", task, ("data.dir",)))


def task(cfg: DictConfig) -> None:
    """Explore a data folder and write pages and tables."""
    check(cfg, "explore")
    configure_logging()
    check_values(cfg)
    out = Path(str(cfg.out))
    refuse_overwriting(out, "explore.json", "an exploration", cfg.overwrite)

    with fast_imports():
        from hydra.utils import instantiate

        from imbclf.cli.config.error_context import explain_option
        from imbclf.data.reading.summary import listing_lines
    with explain_option("data"):
        data = instantiate(cfg.data, _convert_="all")
    listing = data.list_files()
    for line in listing_lines(listing):
        log.info("%s", line)
    if not cfg.pixels:
        _write_listing_alone(listing, out)
        return

    with fast_imports():
        from imbclf.data.exploration.explore import explore
        from imbclf.reporting.write_exploration import write_exploration

    log.info("looking into %s images, and comparing them with each other", f"{len(listing):,}")
    test_dir = None if cfg.test_dir is None else Path(str(cfg.test_dir))
    found = explore(data, test_dir, cfg.folds, cfg.seed, cfg.write_groups, cfg.likeness, listing)
    write_exploration(found, out, cfg.seed, cfg.write_groups)
    _report(found, out)
    if cfg.write_groups:
        log.info("groups       %s", out / "groups.csv")
        log.info("next         %s", next_command(cfg.data, out, found.listing.label_names))


def _write_listing_alone(listing: "Listing", out: Path) -> None:
    """Write and report which images there are, without decoding any."""
    from imbclf.data.exploration.listed import write_listed
    from imbclf.data.reading.summary import listing_summary
    from imbclf.data.reading.write_listing import LEFT_OUT, LISTING

    write_listed(listing, out)
    report_result(partial(listing_summary, listing), listing=out / LISTING, left_out=out / LEFT_OUT)
    log.info("\nlisting      %s", out / LISTING)


def _report(found: "Exploration", out: Path) -> None:
    """Report the findings and the files."""
    from imbclf.data.exploration.findings import findings
    from imbclf.data.reading.write_listing import LEFT_OUT, LISTING

    report_result(
        out / "explore.json",
        page=out / "explore.html",
        numbers=out / "explore.json",
        listing=out / LISTING,
        left_out=out / LEFT_OUT,
        duplicates=out / "near_duplicates.csv",
        groups=out / "groups.csv",
    )
    for finding in findings(found):
        log.info("%s", finding)
    log.info("\npage         %s", out / "explore.html")
    log.info("numbers      %s", out / "explore.json")
    log.info("listing      %s", out / LISTING)
    if found.listing.account.left_out:
        log.info("left out     %s", out / LEFT_OUT)
    log.info("duplicates   %s", out / "near_duplicates.csv")


def check_values(cfg: DictConfig) -> None:
    """Check the type and range of the top-level options.

    Raises:
        UserError: names the first wrong one.
    """
    for name, least in (("folds", 2), ("seed", 0)):
        value = cfg[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UserError(f"{name}={value}: expected a whole number, {least} or more")
    if not isinstance(cfg.likeness, int | float) or isinstance(cfg.likeness, bool):
        raise UserError(f"likeness={cfg.likeness}: expected a number from 0 to 1")
    check_range("likeness", cfg.likeness, at_least=0, at_most=1)
    expect_bool("write_groups", cfg.write_groups)
    expect_bool("pixels", cfg.pixels)


def next_command(data: DictConfig, out: Path, names: tuple[str, str] = ("0", "1")) -> str:
    """Return the command that trains with the groups; `data.labels` needs an absolute path.

    Args:
        data: options of the data explored.
        out: folder of `groups.csv`.
        names: the user's names of label 0 and label 1, which stand in `groups.csv`.
    """
    options = {"data.dir": data.dir, "data.labels": (out / "groups.csv").absolute()}
    if names != ("0", "1"):
        quoted = [_quoted(name) for name in names]
        options["data.positive"] = f"[{quoted[1]}]"
        options["data.names"] = f"[{quoted[0]},{quoted[1]}]"
    if data.images is not None:
        options["data.images"] = data.images
    for name in ("image_size", "depth", "fit", "max_pixels"):
        if data.get(name) is not None:
            options[f"data.{name}"] = data[name]
    given = " ".join(shlex.quote(f"{key}={value}") for key, value in options.items())
    return f"imbclf-train data=folder {given}"


def _quoted(name: str) -> str:
    """Return a name as Hydra reads it within a list: quoted unless it is one plain word."""
    if name.isidentifier() and name.lower() not in ("true", "false", "null", "nan", "inf"):
        return name
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

"""`imbclf-explore`: look at a labeled folder before any training."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.launch import expect_bool, launch, log, refuse_overwriting, show_messages
from imbclf.cli.config.validation import check
from imbclf.errors import UserError

if TYPE_CHECKING:
    from imbclf.data.exploration.result import Exploration

OPTIONS = ("data", "test_dir", "folds", "seed", "write_groups", "out", "overwrite")


def main() -> None:
    """Run the command."""
    sys.exit(launch("explore", task))


def task(cfg: DictConfig) -> None:
    """Explore what the configuration says and write the files."""
    check(cfg, OPTIONS)
    show_messages()
    check_values(cfg)
    out = Path(str(cfg.out))
    refuse_overwriting(out, "explore.json", "an exploration", cfg.overwrite)

    with fast_imports():
        from hydra.utils import instantiate

        from imbclf.cli.config.error_context import explain_option
        from imbclf.data.exploration.explore import explore
        from imbclf.data.exploration.facts import facts
        from imbclf.data.exploration.findings import findings
        from imbclf.reporting.exploration_report import exploration_page
        from imbclf.utils.files import write_text

    with explain_option("data"):
        data = instantiate(cfg.data, _convert_="all")
    test_dir = None if cfg.test_dir is None else Path(str(cfg.test_dir))
    found = explore(data, test_dir, cfg.folds, cfg.seed, cfg.write_groups)
    write_duplicates(found, out / "near_duplicates.csv")
    if cfg.write_groups:
        write_groups(found, out / "groups.csv")
    else:
        (out / "groups.csv").unlink(missing_ok=True)  # an overwritten exploration's
    exploration_page(found, cfg.seed).write(out / "explore.html")
    write_text(out / "explore.json", json.dumps(facts(found), indent=2) + "\n")
    for finding in findings(found):
        log.info("%s", finding)
    log.info("\npage         %s", out / "explore.html")
    log.info("numbers      %s", out / "explore.json")
    log.info("duplicates   %s", out / "near_duplicates.csv")
    if cfg.write_groups:
        log.info("groups       %s", out / "groups.csv")
        log.info("next         %s", next_command(cfg.data, out))


def check_values(cfg: DictConfig) -> None:
    """Refuse top-level options of the wrong kind.

    Raises:
        UserError: naming the first of them.
    """
    for name, least in (("folds", 2), ("seed", 0)):
        value = cfg[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UserError(f"{name}={value}: expected a whole number, {least} or more")
    expect_bool("write_groups", cfg.write_groups)


def write_duplicates(found: "Exploration", path: Path) -> None:
    """Write a row for each pair: file, other, where, kind, bits, likeness and the two labels."""
    import numpy as np

    from imbclf.utils.tables import write_table

    pairs, test = found.pairs, found.test_pairs
    names, labels = np.array(found.listing.label_names), found.labels
    blocks = [(pairs, found.listing.files[pairs.second], "train", names[labels[pairs.second]])]
    if test is not None and found.test_listing is not None:
        files = found.test_listing.files[test.second - len(found.listing)]
        blocks.append((test, files, "test", np.full(len(test), "")))
    rows = [
        {
            "file": found.listing.files[part.first],
            "other": others,
            "other_in": np.full(len(part), where),
            "kind": np.where(part.exact, "exact", "near"),
            "bits": part.bits,
            "likeness": part.similarity.round(4),
            "label": names[labels[part.first]],
            "other_label": other_labels,
        }
        for part, others, where, other_labels in blocks
    ]
    write_table(path, {name: np.concatenate([row[name] for row in rows]) for name in rows[0]})


def write_groups(found: "Exploration", path: Path) -> None:
    """Write a table of file, label (0 or 1) and group that `data.labels` takes."""
    from imbclf.utils.tables import write_table

    listing = found.listing
    columns = {"file": listing.files, "label": found.labels, "group": found.groups}
    write_table(path, columns)


def next_command(data: DictConfig, out: Path) -> str:
    """Return the command that trains with the groups; the table has to be named in full."""
    options = {"data.dir": data.dir, "data.labels": (out / "groups.csv").absolute()}
    if data.images != "train_img":
        options["data.images"] = data.images
    if data.image_size is not None:
        options["data.image_size"] = data.image_size
    given = " ".join(shlex.quote(f"{key}={value}") for key, value in options.items())
    return f"imbclf-train data=folder {given}"

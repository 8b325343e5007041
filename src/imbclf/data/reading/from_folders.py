"""Class folders, below folders of parts (train, test) if there are some."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, splitext

from imbclf.data.image_files import OTHER_SUFFIXES, scan
from imbclf.data.reading.account import Account
from imbclf.data.reading.choose_files import note_idle_patterns
from imbclf.data.reading.label_values import dropped
from imbclf.data.reading.masks import find_masks
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.part_names import part_of_folder
from imbclf.data.reading.patterns import matches
from imbclf.data.reading.rows import Rows
from imbclf.errors import UserError
from imbclf.utils.text import first_few

NO_LABELS = (
    "expected label_train.txt, a table (.csv, .tsv, ...) with the columns file and label, or a "
    "folder of images for each class"
)


def from_folders(root: Path, options: ReadingOptions) -> Rows:
    """Return the images below class folders, each labeled with the name of its folder.

    Folders that all images share are passed over. Folders called like parts are parts, above or
    below the classes. Masks, and files that are no images, are left out.

    Raises:
        UserError: there are no class folders.
    """
    if folders := as_list(options.images):
        raise UserError(
            f"data.images={options.images}: the labels are those of class folders; choose among "
            f"them with data.include=['{folders[0]}/*']"
        )
    account = Account(source="class folders", columns={"label": "folder"})
    files = _images(root, options, account)
    tree = _read_tree(files, options)
    if len({label for label in tree.labels if label}) < 2 and not tree.problems:
        raise UserError(f"No labels in {root}; {NO_LABELS}{_table_above(root)}")
    options.refuse_columns("the labels are those of class folders")
    if tree.parts is not None:
        account.columns["part"] = "folders"
    groups, problems = _groups(files, tree, options)
    if groups is not None:
        account.columns["group"] = "folder"
    drop = as_list(options.drop)
    rows = Rows(
        source=root,
        root=root,
        files=files,
        values=tree.labels,
        groups=groups,
        parts=tree.parts,
        sources=[f"folder {dirname(file)}" for file in files],
        numbered=True,
        seen=frozenset(filter(None, tree.labels)),
        account=account,
        problems=[*tree.problems, *problems, *_lost(account, drop)],
    )
    rows = rows.leave_out([not label for label in rows.values], "in no class folder")
    return rows.leave_out(dropped(rows.values, drop), "label dropped")


def _images(root: Path, options: ReadingOptions, account: Account) -> list[str]:
    """Return the images to use; the others are added to the account."""
    found = scan(root)
    others = [file for file in found.others if "/" in file]
    files = found.images.tolist()
    note_idle_patterns([*files, *others], options, account)
    excluded = matches(files, as_list(options.exclude))
    included = matches(files, as_list(options.include))
    kept = []
    for file, out, chosen in zip(files, excluded, included, strict=True):
        if out:
            account.leave_out([file], "excluded")
        elif options.include is not None and not chosen:
            account.leave_out([file], "not included")
        else:
            kept.append(file)
    masks = find_masks(kept)
    account.leave_out((file for file, mask in zip(kept, masks, strict=True) if mask), "mask")
    out_of = matches(others, as_list(options.exclude))
    for file, out in zip(others, out_of, strict=True):
        account.leave_out([file], "excluded" if out else "not an image", _class_of(file))
    return [file for file, mask in zip(kept, masks, strict=True) if not mask]


def _class_of(file: str) -> str:
    folders = [folder for folder in dirname(file).split("/") if not part_of_folder(folder)]
    return folders[0] if folders else ""


@dataclass(frozen=True)
class _Tree:
    """What the folders of `N` files mean.

    Attributes:
        labels: `[N]`, the class folder; "" for files in none.
        parts: `[N]`, the part; None without parts.
        below: `[N]`, whether a file lies in a folder below its class folder.
        problems: folders that may be parts or classes.
    """

    labels: list[str]
    parts: list[str] | None
    below: list[bool]
    problems: list[str]


def _read_tree(files: Sequence[str], options: ReadingOptions) -> _Tree:
    folders = [dirname(file).split("/") if "/" in file else [] for file in files]
    shared = _shared_folders(folders)
    paths = [path[shared:] for path in folders]
    tests = as_list(options.test)
    depth, problems = _depth_of_parts(paths, options)
    if depth is None:
        labels = [path[0] if path else "" for path in paths]
        return _Tree(labels, None, [len(path) > 1 for path in paths], problems)
    labels = [path[1 - depth] if len(path) > 1 else "" for path in paths]
    parts = [part_of_folder(path[depth], tests) or "" if len(path) > 1 else "" for path in paths]
    divided = options.part != "none" and len({part for part in parts if part}) > 1
    below = [len(path) > 2 for path in paths]
    return _Tree(labels, parts if divided else None, below, problems)


def _depth_of_parts(
    paths: Sequence[Sequence[str]], options: ReadingOptions
) -> tuple[int | None, list[str]]:
    """Return whether folders of parts are above (0) or below (1) the class folders, or None."""
    tests = as_list(options.test)
    names = [{path[depth] for path in paths if len(path) > depth} for depth in (0, 1)]
    words = [{name for name in at if part_of_folder(name, tests)} for at in names]
    if names[0] and words[0] == names[0]:
        return 0, []
    if not words[0] and names[1] and words[1] == names[1] and all(len(path) > 1 for path in paths):
        return 1, []
    if not words[0] or options.part == "none":
        return None, []
    others = sorted(names[0] - words[0])
    return 0, [
        f"the folders {first_few(sorted(words[0]))} are called like parts, but {first_few(others)} "
        "is not; a part is no class. Leave out what is neither, as in "
        f"data.exclude=['{others[0]}/*'], or say with data.part=none that all of them are classes"
    ]


def _shared_folders(folders: Sequence[list[str]]) -> int:
    """Return the number of leading folders that all files share."""
    if not folders:
        return 0
    first, last = min(folders), max(folders)
    shared = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        shared += 1
    return shared


def _table_above(root: Path) -> str:
    """Return a hint at a table that lies beside a folder of images."""
    try:
        beside = sorted(path for path in root.absolute().parent.iterdir() if path.is_file())
    except OSError:
        return ""
    tables = [path for path in beside if path.suffix.lower() in (".csv", ".tsv", ".xlsx")]
    return f". {tables[0]} is a table: give its folder, {root.parent}" if tables else ""


def _groups(
    files: Sequence[str], tree: _Tree, options: ReadingOptions
) -> tuple[list[str] | None, list[str]]:
    """Return the groups, if folders are groups, and a problem if that is not decided."""
    parents = [dirname(file) for file in files]
    if options.group == "folder":
        return parents, []
    gone = dropped(tree.labels, as_list(options.drop))
    rows = zip(tree.labels, parents, tree.below, gone, strict=True)
    deep = [(label, parent) for label, parent, below, out in rows if below and not out]
    counts = Counter(parent for _, parent in deep)
    several = Counter(label for label, _ in set(deep))
    undecided = options.group is None and several and max(several.values()) > 1
    if undecided and max(counts.values()) > 1:
        return None, [which_folders(counts, "below the class folders")]
    return None, []


def which_folders(counts: Counter[str], where: str) -> str:
    """Return the question whether folders are groups."""
    example, count = counts.most_common(1)[0]
    return (
        f"{len(counts):,} folders {where} hold images, as {example} holds {count}: are they "
        "patients, or the like, whose images must stay together? data.group=folder keeps each in "
        "one part of every fold, data.group=none divides images one by one"
    )


def _lost(account: Account, drop: Sequence[str]) -> list[str]:
    """Return a problem for each class to use that would lose files of an unknown kind."""
    lost: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for file, reason, label in account.left_out:
        suffix = splitext(file)[1].lower()
        used = label and not any(dropped([label], drop))
        if reason == "not an image" and used and suffix not in OTHER_SUFFIXES:
            lost[label, suffix].append(file)
    return [
        f"class {label} has {len(files):,} files {suffix or 'without suffix'} that are no images "
        f"that can be read ({first_few(files, 2)}); convert them, or leave them out with "
        f"data.exclude=['*{suffix}']"
        for (label, suffix), files in sorted(lost.items())
    ]

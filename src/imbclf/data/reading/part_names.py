"""What the parts of a divided data set are usually called."""

import re
from collections.abc import Iterable, Sequence

FIT, DEV, TEST = "fit", "dev", "test"
NAME_OF_TABLE = "name of the table"  # what the account says of tables called like parts
WORDS = {
    **dict.fromkeys(("fit", "train", "training", "tr", "trn", "trainset"), FIT),
    **dict.fromkeys(("dev", "val", "valid", "validation", "development", "eval"), DEV),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "heldout", "public", "private"), TEST),
    **dict.fromkeys(("publictest", "privatetest", "testset"), TEST),
}
_FOLD = re.compile(r"(?:fold|cv|k)?[\s_-]*(\d{1,3})(?:\.0)?", re.IGNORECASE)


def part_of(value: str, tests: Iterable[str] = ()) -> str | None:
    """Return the part that a value names: fit, dev, test, a fold number, "" if blank.

    Args:
        value: as written.
        tests: further values that are the test part.

    Returns:
        The part; None if the value names none.

    >>> part_of("Training"), part_of("val"), part_of("val", ["val"]), part_of("fold_3")
    ('fit', 'dev', 'test', '3')
    """
    text = value.strip()
    if text.casefold() in {test.strip().casefold() for test in tests}:
        return TEST
    if not text:
        return ""
    word = re.sub(r"[\W_]|\d+$", "", text.casefold())
    if word in WORDS:
        return WORDS[word]
    fold = _FOLD.fullmatch(text)
    return None if fold is None else str(int(fold[1]))


def parts_of(values: Sequence[str], tests: Iterable[str] = ()) -> list[str] | None:
    """Return the part that each value names; None if one of them names none, or all are blank.

    Numbers beside words are no folds; beside a named test part they are training images.

    >>> parts_of(["train", "test"]), parts_of(["0", "1", "0"]), parts_of(["train", "1"])
    (['fit', 'test'], ['0', '1', '0'], None)
    >>> parts_of(["0", "1", "2"], tests=["2"])
    ['', '', 'test']
    """
    known = {value: part_of(value, tests) for value in set(values)}
    if TEST in known.values() and tests:
        known = {value: "" if (part or "").isdigit() else part for value, part in known.items()}
    found = set(known.values()) - {""}
    if (
        not found
        or None in found
        or (len(found) > 1 and len({p.isdigit() for p in found if p}) > 1)
    ):
        return None
    return [known[value] or "" for value in values]


def names_parts(values: Sequence[str]) -> bool:
    """Return whether values are those of a division into training and other images.

    >>> names_parts(["Train", "Test"]), names_parts(["test", "public"]), names_parts(["1", "2"])
    (True, False, False)
    """
    words = {FIT, DEV, TEST}
    if any(part_of(value) not in words for value in values[:50]):
        return False
    found = {part_of(value) for value in set(values)}
    return FIT in found and len(found) > 1 and found <= words


def parts_of_flags(name: str, values: Sequence[str]) -> list[str] | None:
    """Return the parts that a column such as `is_valid` of true and false divides into, or None.

    >>> parts_of_flags("is_valid", ["True", "False"]), parts_of_flags("is_train", ["0", "1"])
    (['dev', 'fit'], ['test', 'fit'])
    """
    word = re.sub(r"[\W_]", "", name.casefold())
    part = WORDS.get(word[2:]) if word.startswith("is") else None
    flags = [_FLAGS.get(value.strip().casefold()) for value in values]
    if part is None or None in flags:
        return None
    other = TEST if part == FIT else FIT
    return [part if flag else other for flag in flags]


_FLAGS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


def part_of_folder(name: str, tests: Iterable[str] = ()) -> str | None:
    """Return the part that a folder or a file is called like, None if it is called otherwise.

    >>> part_of_folder("Train"), part_of_folder("test_images"), part_of_folder("fold_2")
    ('fit', 'test', '2')
    >>> part_of_folder("7"), part_of_folder("good"), part_of_folder("images")
    (None, None, None)
    """
    if name in {*tests}:
        return TEST
    words = [word for word in re.split(r"[\W_]+", name) if word.casefold() not in _GENERIC]
    if not words or name.strip().isdigit():
        return None
    return part_of(" ".join(words), tests) or None


# fmt: off
_GENERIC = frozenset((
    "images", "image", "img", "imgs", "data", "dataset", "set", "split", "files", "jpg", "png",
    "photos",
))
# fmt: on

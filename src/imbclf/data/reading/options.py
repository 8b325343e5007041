"""How the labels, groups and parts of a data set are read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from imbclf.data.reading.label_rule import check_label_map
from imbclf.errors import UserError
from imbclf.utils.checks import check_choice

Column = str | int
Value = str | int | float | bool


@dataclass(frozen=True)
class ReadingOptions:
    """The options of `data` that say what is an image, and what its label, group and part are.

    All are named as in `data.NAME`, and None leaves each to what is found.

    Args:
        images: one or several folders of images in the data folder.
        labels: a file of labels, several (one for each part), or `folders`.
        label_map: label 0 or 1 of each spelling.
        file: column of the file names.
        label: column of the labels, or several columns of 0 and 1.
        positive: values that are label 1; all others are label 0.
        drop: values of the label to leave out: their rows, lines or class folders.
        names: what label 0 and label 1 are called.
        group: a column, `folder` (the image's parent folder) or `none`.
        part: a column, `folders` or `none`.
        test: values of the part that are the test part.
        subgroups: columns by whose values errors are reported.
        suffix: added to names without one; `auto` is the suffix of the one file of that name.
        strip: prefix taken off the names; `auto` takes off leading folders that do not exist.
        missing: `error`, or `skip` to leave out rows whose file does not exist.
        duplicates: `error`, or `first` to take the first row of a file named more than once.
        unlisted: `ignore`, or `0`: images that no row names are label 0.
        include: patterns of the only files to take.
        exclude: patterns of files to leave out.
        order: of the images that a text file labels line by line: `natural` or `plain`.
        as_in_training: whether the rule for labels is that of an earlier data set, some of whose
            values may not occur.
        usual: `file`, `label` and `group` of an earlier data set, for tables that have them.

    Raises:
        UserError: an option has a value that it cannot have.
    """

    images: str | Sequence[str] | None = None
    labels: str | Sequence[str] | None = None
    label_map: Mapping[str, int] | None = None
    file: Column | None = None
    label: Column | Sequence[Column] | None = None
    positive: Value | Sequence[Value] | None = None
    drop: Value | Sequence[Value] | None = None
    names: Sequence[str] | None = None
    group: Column | None = None
    part: Column | None = None
    test: Value | Sequence[Value] | None = None
    subgroups: Column | Sequence[Column] | None = None
    suffix: str | None = None
    strip: str | None = None
    missing: Literal["error", "skip"] = "error"
    duplicates: Literal["error", "first"] = "error"
    unlisted: Literal["ignore", "0"] | int = "ignore"
    include: str | Sequence[str] | None = None
    exclude: str | Sequence[str] | None = None
    order: Literal["natural", "plain"] = "natural"
    as_in_training: bool = False
    usual: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_label_map(self.label_map)
        check_choice("data.missing", self.missing, ("error", "skip"))
        check_choice("data.duplicates", self.duplicates, ("error", "first"))
        check_choice("data.unlisted", str(self.unlisted), ("ignore", "0"))
        check_choice("data.order", self.order, ("natural", "plain"))
        if self.positive is not None and self.label_map:
            raise UserError("data.positive and data.label_map: expected one of them")
        if self.names is not None and not _two_names(self.names):
            raise UserError(
                f"data.names={self.names}: expected the names of label 0 and label 1, as in "
                "data.names=[benign,malignant]"
            )
        if self.suffix not in (None, "auto") and not str(self.suffix).startswith("."):
            raise UserError(f"data.suffix={self.suffix}: expected a suffix such as .jpg, or auto")

    def with_rule_of(
        self, training: "ReadingOptions", names: Sequence[str] | None = None
    ) -> "ReadingOptions":
        """Return options that read labels as those of the training did, unless they say how.

        Args:
            training: the options of the training.
            names: what it called label 0 and label 1, if that is known.

        >>> training = ReadingOptions(positive=["mel", "bcc"], drop="unclear", label="dx")
        >>> options = ReadingOptions().with_rule_of(training, ("rest", "mel+bcc"))
        >>> options.positive, options.for_columns(["image", "dx"]).label
        (['mel', 'bcc'], 'dx')
        """
        usual = {name: getattr(training, name) for name in ("file", "label", "group")}
        return replace(self._with_labels_of(training, names), usual=usual)

    def for_columns(self, columns: Collection[str]) -> "ReadingOptions":
        """Return options that name the usual columns, of those that a table has, if none is named.

        >>> ReadingOptions(usual={"group": "patient"}).for_columns(["image", "dx"]).group is None
        True
        """
        taken = {
            name: value
            for name, value in self.usual.items()
            if getattr(self, name) is None
            and (value in ("none", "folder") or {*as_list(value)} <= {*columns})
        }
        return replace(self, usual={}, **taken)

    def _with_labels_of(
        self, training: "ReadingOptions", names: Sequence[str] | None
    ) -> "ReadingOptions":
        if self.positive is not None or self.label_map:
            return self
        drop = training.drop if self.drop is None else self.drop
        if training.positive is None and not training.label_map:
            return replace(self, drop=drop, as_in_training=True)
        return replace(
            self,
            positive=training.positive,
            label_map=training.label_map,
            names=self.names or names,
            drop=drop,
            as_in_training=True,
        )

    def refuse_columns(self, source: str) -> None:
        """Refuse options that name a column, where the labels are in no table.

        Raises:
            UserError: there is such an option.
        """
        columns = {"file": self.file, "label": self.label, "group": self.group, "part": self.part}
        for name, value in columns.items():
            if value is not None and value not in ("none", "folder", "folders"):
                words = {"group": "folder, none or ", "part": "folders, none or "}.get(name, "")
                raise UserError(f"data.{name}={value}: {source}; expected {words}a table")


def as_list(value: object) -> list[str]:
    """Return an option that may be one value or several as a list of texts.

    >>> as_list(None), as_list("a"), as_list([1, "b"])
    ([], ['a'], ['1', 'b'])
    """
    if value is None:
        return []
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [str(one) for one in several]


def _two_names(names: object) -> bool:
    listed = as_list(names)
    return not isinstance(names, str) and len(listed) == 2 == len({*listed}) and all(listed)

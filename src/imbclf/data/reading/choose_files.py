"""Rows that `data.exclude` and `data.include` leave out, whatever the layout."""

from collections.abc import Sequence

from imbclf.data.reading.account import Account
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.patterns import idle_patterns, matches
from imbclf.data.reading.rows import Rows


def choose_files(rows: Rows, options: ReadingOptions) -> Rows:
    """Return the rows whose files are to be used; the others are added to the account."""
    note_idle_patterns(rows.files, options, rows.account)
    rows = rows.leave_out(matches(rows.files, as_list(options.exclude)), "excluded")
    if options.include is None:
        return rows
    chosen = matches(rows.files, as_list(options.include))
    return rows.leave_out([not one for one in chosen], "not included")


def note_idle_patterns(files: Sequence[str], options: ReadingOptions, account: Account) -> None:
    """Add a note on patterns that no file matches, which may be misspelled."""
    for name, given in (("exclude", options.exclude), ("include", options.include)):
        for pattern in idle_patterns(files, as_list(given)):
            account.note(f"data.{name}: no file matches {pattern}")

"""Tables of labels that are no text: Parquet and Excel."""

from pathlib import Path

import pandas as pd

from imbclf.data.reading.json_table import as_text
from imbclf.data.reading.table import Table
from imbclf.errors import UserError


def read_spreadsheet(path: Path) -> Table:
    """Read the first sheet of an Excel file, or a Parquet file.

    Raises:
        UserError: pandas lacks a package for it, or the file is broken.
    """
    read = pd.read_parquet if path.suffix.lower() == ".parquet" else pd.read_excel
    try:
        frame = read(path)
    except ImportError as error:
        raise UserError(f"{path}: {error}; or save the table as CSV") from None
    except Exception as error:  # the engines raise nearly anything on a broken file
        raise UserError(f"{path} is not a readable table: {error}") from None
    columns = {
        str(name): [as_text(value) for value in frame.iloc[:, place].tolist()]
        for place, name in enumerate(frame.columns)
    }
    return Table(path, columns, range(2, len(frame) + 2))

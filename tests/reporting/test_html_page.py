"""Pages of HTML: what is escaped, what is embedded, what a browser would need to sort."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers.strict_html import Strict
from imbclf.reporting.html_page import Page

NASTY = "<script>alert('x')</script> & \"quoted\" {{ 7 * 7 }} {% include 'style.css' %} {#"


def full_page() -> Page:
    page = Page(NASTY)
    page.headline("HTER", NASTY, "interval")
    page.heading(NASTY)
    page.paragraph(NASTY, note=True)
    page.code(NASTY)
    page.table([NASTY, "n"], [[NASTY, 1], ["b", None], ["c", float("nan")]], NASTY)
    page.table(["empty"], [], "A table without rows.")
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    page.figures([(figure, NASTY, NASTY)])
    page.gallery([np.zeros((4, 4, 3), np.uint8)], [NASTY])
    return page


def test_everything_is_escaped_closed_and_embedded() -> None:
    parser = Strict()
    parser.feed(full_page().html())
    assert parser.open == []
    assert parser.texts.count(NASTY) == 11
    assert full_page().html().count("<script>") == 1
    assert full_page().html().count("<style>") == 1
    assert len(parser.links) == 2
    assert all(link.startswith("data:image/") for link in parser.links)
    assert not re.search(r"https?://", full_page().html())


def test_tables_carry_full_values_to_sort_by_and_show_rounded_ones() -> None:
    page = Page("t")
    page.table(["name", "value"], [["a", 0.123456], ["b", None]], "caption", decimals=2)
    html = page.html()
    assert '<td class="number" data-value="0.123456">0.12</td>' in html
    assert '<td class="number" data-value=""></td>' in html
    assert '<td data-value="a">a</td>' in html


def test_images_come_back_bit_for_bit() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    page = Page("t")
    page.gallery([image], ["one"])
    found = re.search(r"data:image/png;base64,([^\"]+)", page.html())
    assert found is not None
    again = Image.open(io.BytesIO(base64.b64decode(found[1])))
    assert np.array_equal(np.asarray(again), image)


def test_the_same_page_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        full_page().write(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("rows", [[["only one"]], [["one", 2, "three"]], [["one", 2], ["one"]]])
def test_a_row_that_does_not_fit_its_columns_is_refused(rows: list[list[str | int]]) -> None:
    with pytest.raises(ValueError, match="zip"):
        Page("t").table(["a", "b"], rows, "caption")


def test_the_template_is_loaded_when_the_first_page_is_rendered() -> None:
    code = (
        "import sys; from imbclf.reporting import Page; page = Page('t'); page.heading('h');"
        "before = 'jinja2' in sys.modules; page.html(); print(before, 'jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"

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
from imbclf.reporting.page_parts import Link, Matrix, Picture, Tile

NASTY = "<script>alert('x')</script> & \"quoted\" {{ 7 * 7 }} {% include 'style.css' %} {#"


def full_page() -> Page:
    page = Page(NASTY)
    page.headline("HTER", NASTY, "interval")
    page.verdict(NASTY, good=False, advice=NASTY)
    page.caution(NASTY)
    page.facts([(NASTY, NASTY)])
    page.tiles([Tile(NASTY, 0.2, 0.1, 0.3, NASTY, 0.5), Tile("no interval", 0.2, None, None, "")])
    matrix = Matrix((NASTY, "other"), ((3, 1), (0, 0)), NASTY)
    page.matrix(matrix, [NASTY])
    page.heading(NASTY)
    page.subheading(NASTY)
    page.paragraph(NASTY, note=True)
    with page.folded(NASTY):
        page.code(NASTY)
    page.table([NASTY, "n"], [[NASTY, 1], [Link(NASTY, NASTY), None], ["c", float("nan")]], NASTY)
    page.table(["empty"], [], "A table without rows.")
    page.heading("Another")
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    page.figures([(figure, NASTY, NASTY)])
    page.gallery([np.zeros((4, 4, 3), np.uint8)], [NASTY])
    page.heat_switch()
    image = np.zeros((200, 4, 3), np.uint8)
    page.pictures([Picture(image, NASTY, NASTY, np.ones((4, 4)), NASTY)])
    values = {"thresholds": [0.0], "start": 0, "prevalence": 0.1, "positive": NASTY}
    page.slider(values, matrix)
    return page


def test_everything_is_escaped_closed_and_embedded() -> None:
    html = full_page().html()
    parser = Strict()
    parser.feed(html)
    assert parser.open == []
    assert parser.texts.count(NASTY) == 29
    assert "<script>alert" not in html
    assert "{{ 7" in html
    assert html.count("<script>") == 1
    assert html.count("<style>") == 1
    embedded = [link for link in parser.links if link.startswith("data:image/")]
    assert len(embedded) == 4
    within = [link for link in parser.links if link.startswith("#")]
    assert len(within) == 3
    assert {*parser.links} - {*embedded, *within} == {NASTY}  # the address of the link
    assert not re.search(r"https?://", html)


def test_contents_lead_to_the_sections_and_a_short_page_has_none() -> None:
    html = full_page().html()
    anchors = re.findall(r'<li><a href="#([^"]+)">', html)
    assert len(anchors) == 2
    for anchor in anchors:
        assert html.count(f'<section id="{anchor}">') == 1
    short = Page("t")
    short.heading("Only")
    assert "<nav" not in short.html()


def test_sections_of_one_name_have_anchors_of_their_own() -> None:
    page = Page("t")
    for _ in range(3):
        page.heading("好的")
    anchors = re.findall(r'<section id="([^"]+)">', page.html())
    assert len(set(anchors)) == 4


def test_what_is_folded_is_inside_its_details() -> None:
    page = Page("t")
    with page.folded("more"):
        page.paragraph("inside")
    page.paragraph("outside")
    before, _, after = page.html().partition("</details>")
    assert "<p>inside</p>" in before.partition("<details>")[2]
    assert "<p>outside</p>" in after


def test_a_matrix_shows_counts_and_shares_of_the_images_of_a_label() -> None:
    page = Page("t")
    page.matrix(Matrix(("ill", "well"), ((3, 1), (1234.5, 0)), "c"))
    cells = re.findall(r'<td class="(\w+)"><b[^>]*>(.*?)</b> <span[^>]*>(.*?)</span>', page.html())
    assert cells == [
        ("right", "3", "75.0 %"),
        ("wrong", "1", "25.0 %"),
        ("wrong", "1,234.5", "100.0 %"),
        ("right", "0", "0.0 %"),
    ]


def test_below_a_matrix_stands_how_many_decisions_are_right_whatever_the_prevalence() -> None:
    page = Page("t")
    page.matrix(Matrix(("ill", "well"), ((3, 1), (12, 7)), "c", counts_decisions=True))
    (row,) = re.findall(r"<tfoot>(.*?)</tfoot>", page.html())
    assert re.findall(r"<b>(.*?)</b>", row) == ["20.0 %", "87.5 %"]  # 3 of 15, 7 of 8
    page = Page("t")
    page.matrix(Matrix(("ill", "well"), ((0, 4), (0, 7)), "c", counts_decisions=True))
    assert "<b></b>" in page.html()  # nothing was decided to be ill


def test_bars_of_tiles_reach_from_end_to_end_of_the_interval() -> None:
    page = Page("t")
    page.tiles([Tile("HTER", 0.2, 0.125, 0.3, "text", 0.5)])
    html = page.html()
    assert 'class="reach" x="12.5" y="1" width="17.5"' in html
    assert "95 %: 12.5 to 30.0\N{NO-BREAK SPACE}%" in html
    assert 'class="chance" x="49.7"' in html


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

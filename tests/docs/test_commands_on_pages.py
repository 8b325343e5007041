"""Commands on the pages name commands, options and choices that exist."""

from pathlib import Path

import pytest

from page_commands import PAGES, ROOT, commands, problem, problems


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_exist(page: Path) -> None:
    assert not problems(page)


def test_the_check_finds_mistakes(tmp_path: Path) -> None:
    assert problem("train", "loss=fokal") == "loss has no choice fokal"
    assert problem("train", "cv.fold_s=3") == "imbclf-train has no option cv.fold_s"
    assert problem("predict", "tta=flip") is None
    readme = [*commands(ROOT / "README.md")]
    assert ("train", ["PATH", "experiment=best"]) in readme
    assert len([one for page in PAGES for one in commands(page)]) > 60
    page = tmp_path / "page.md"
    page.write_text("    imbclf-learn PATH\n    imbclf-train PATH los=focal\n")
    assert problems(page) == ["there is no imbclf-learn", "imbclf-train has no option los"]

"""The comments of a YAML file, read by lines: no library that keeps them is needed."""

import re

LINE = re.compile(
    r"""(?P<indent>\ *)(?P<key>[\w.]+):
    (?P<value>(?:"[^"]*"|'(?:''|[^'])*'|(?<=\S)\#|[^"'\#])*)   # in quotes, a # is no comment
    (?:\#\s*(?P<comment>.*))?$""",
    re.VERBOSE,
)
DIRECTIVE = "# @package"
NOT_OPTIONS = ("defaults", "hydra")
IN_BRACKETS = re.compile(r"^defaults: \[(.*)\]", re.MULTILINE)
IN_LINES = re.compile(r"^  - (\w+)$", re.MULTILINE)


def first_comment(text: str) -> str:
    r"""Return the first line of comment at the top of a file, which says what it is; "" if none.

    >>> first_comment("# @package _global_\n# Few images.\n# More.\ncutout: 8\n")
    'Few images.'
    """
    for line in text.splitlines():
        if not line.startswith("#"):
            return ""
        if not line.startswith(DIRECTIVE):
            return line.lstrip("# ")
    return ""


def package_of(text: str) -> str | None:
    r"""Return the package that a file puts its options into; None if it names none.

    >>> package_of("# @package trainer.logger.csv\n_target_: x\n"), package_of("lr: 1")
    ('trainer.logger.csv', None)
    """
    found = re.match(rf"{DIRECTIVE}\s+(\S+)", text)
    return None if found is None else found[1]


def option_comments(text: str) -> dict[str, str]:
    r"""Return the comment beside each option, by its dotted name; "" where there is none.

    >>> option_comments("lr: 1e-3   # step size\nset: {a: '# 1'}\nmore:\n  b: 2  # second\n")
    {'lr': 'step size', 'set': '', 'more': '', 'more.b': 'second'}
    """
    found: dict[str, str] = {}
    parents: list[tuple[int, str]] = []  # indentation and dotted name of each level above
    for line in text.splitlines():
        read = LINE.match(line)
        if read is None:
            continue
        indent = len(read["indent"])
        while parents and parents[-1][0] >= indent:
            parents.pop()
        name = f"{parents[-1][1]}.{read['key']}" if parents else read["key"]
        parents.append((indent, name))
        if parents[0][1] not in NOT_OPTIONS:
            found[name] = (read["comment"] or "").strip()
    return found


def bases(text: str) -> list[str]:
    r"""Return the files of the same folder that a file builds on.

    >>> bases("defaults: [_base, _self_]\n"), bases("defaults:\n  - train\n  - search: quick\n")
    (['_base'], ['train'])
    """
    listed = IN_BRACKETS.search(text)
    names = re.split(r",\s*", listed[1]) if listed else IN_LINES.findall(text)
    return [name for name in names if name != "_self_"]

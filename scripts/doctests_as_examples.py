"""Griffe extension of the documentation: doctests at the end of a docstring are its examples."""

import griffe


class DoctestsAsExamples(griffe.Extension):
    """Put a heading `Examples:` above doctests, which the parser takes for prose without it."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = with_heading(obj.docstring.value)


def with_heading(text: str) -> str:
    r"""Return a docstring whose doctests, up to its end, lie below a heading.

    >>> print(with_heading("Double.\n\n>>> 1 + 1\n2"))
    Double.
    <BLANKLINE>
    Examples:
        >>> 1 + 1
        2
    """
    before, found, doctests = text.partition("\n>>> ")
    if not found or "Examples:" in text:
        return text
    lines = (">>> " + doctests).splitlines()
    return "\n".join([before, "Examples:", *(f"    {line}".rstrip() for line in lines)])

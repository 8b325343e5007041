"""Errors of Hydra in the words of the user, who did not type every `+` that it quotes."""

import re

from hydra.errors import MissingConfigException

from imbclf.cli.config.missing_choice import missing_choice

AMBIGUOUS = re.compile(r"Ambiguous value for argument '\+*(.*?)'\n", re.DOTALL)
ELSEWHERE = re.compile(r"Could not override '([\w/]+)'.*No match in the defaults list", re.DOTALL)
ADDED = re.compile(r"(?<![\w+])\+\+(?=[\w.@/]+=)")


def in_user_words(error: Exception) -> str:
    """Return the message of an error, with the way on where Hydra's own does not help.

    >>> in_user_words(ValueError("Error in '++optim.lr=1e'"))
    "Error in 'optim.lr=1e'"
    """
    if isinstance(error, MissingConfigException):
        return missing_choice(error)
    text = str(error) or str(error.__cause__ or error)
    if found := AMBIGUOUS.match(text):
        key = found[1].partition("=")[0]
        return (
            f"{found[1]}: several values are a sweep, which needs -m; a list is {key}=[A,B], and "
            f"one value with a comma needs quotes: \"{key}='A,B'\""
        )
    if found := ELSEWHERE.match(text):
        return f"unknown option {found[1]}: this command has no such choice (see --help)"
    return ADDED.sub("", text)

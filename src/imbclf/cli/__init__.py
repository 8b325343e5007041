"""The commands: thin mains, and the only place that knows Hydra."""

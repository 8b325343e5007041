"""Hydra configurations: composed, checked, stored, built into the parts of an experiment."""

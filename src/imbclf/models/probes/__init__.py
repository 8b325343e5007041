"""Regressions on features, averaged with the network."""

"""Regressions on fixed features, whose logits are averaged with those of a trained backbone."""

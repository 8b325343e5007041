"""Hydra configurations: compose, check and store them; build experiments from them."""

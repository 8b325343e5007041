"""Convolutions of small maps on a CPU, faster than the library's."""

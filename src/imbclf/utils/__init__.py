"""Helpers for files, tables, arrays, text, checks and threads, used by all packages."""

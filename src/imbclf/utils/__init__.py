"""Files, tables, text and threads: what every package may use."""

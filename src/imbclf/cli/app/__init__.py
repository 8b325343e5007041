"""How all commands start and end: signals, messages, exit codes, memory."""

"""What all commands share when they start and end: signals, exit codes, memory."""

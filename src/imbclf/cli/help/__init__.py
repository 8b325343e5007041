"""What `--help` prints: the options of a command, each with the comment beside it in its YAML."""

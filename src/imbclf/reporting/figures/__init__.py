"""The figures of runs, one in a file."""

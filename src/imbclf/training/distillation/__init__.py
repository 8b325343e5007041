"""From the fold models of a finished run to one network, the student."""

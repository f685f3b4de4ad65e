"""What is to be said of a connection: what was agreed on, what went wrong, who it looks like."""

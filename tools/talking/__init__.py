"""Between the command line and a connection: whom to talk to, what to show of it, what to record."""

"""One reading of captures: what is read, what is picked out of it, and how it is shown."""

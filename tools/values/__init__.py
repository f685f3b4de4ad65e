"""Any value of the schemas as a tree for people, as JSON for programs, and the way back."""

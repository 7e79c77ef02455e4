"""How soon a line that a job prints is seen, and how fast one can print."""

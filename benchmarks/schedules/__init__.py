"""How late recurring jobs fire, and how soon their jobs get their quota."""

"""Running the whole platform on one machine: what ``primehub up`` is made of."""

"""What an actor may ask. The only writers of spec and target; each function is one transaction."""

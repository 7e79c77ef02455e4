"""In the hub's process: from a person's options to a claim, a plan, and a running notebook server."""

"""What it costs to run a notebook as a job."""

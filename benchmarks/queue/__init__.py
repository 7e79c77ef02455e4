"""The job queue, with up to a hundred thousand jobs in it."""

"""What runs workloads: one interface, a folder for each engine."""

"""What runs beside a workload in its pod: standard library only, and of ours the two modules that are that too."""

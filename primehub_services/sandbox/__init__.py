"""Runs workloads of one machine as sandboxed processes that outlive the platform's own.

Kept free of imports: the supervisor, one process for each workload, is in this package and must stay small.
"""

"""What runs inside a job's workload: files that are mounted there, and import nothing of ours."""

from __future__ import annotations

from pathlib import Path

RUN_SH = Path(__file__).parent / "run.sh"
"""What wraps every job's command."""
RUN_NOTEBOOK = Path(__file__).parent / "run_notebook.py"
"""What runs a notebook."""
IN_POD_SH = Path(__file__).parent / "in_pod.sh"
"""What a workload's container runs on a cluster."""

"""Routes of workloads' sidecars, which send the token of their workload and nothing else."""

from __future__ import annotations

from ..domain.reports import EndReport, FileQuery, LogAnswer, OutputQuery, PermitRequest, StartPermit
from .route import BINARY, Route

REPORTS = (
    Route(
        "reports.permit",
        "POST",
        "/workloads/{workload}/permit",
        "Whether this pod runs the workload",
        None,
        StartPermit,
        body=PermitRequest,
        checks_itself=True,
    ),
    Route(
        "reports.input",
        "GET",
        "/workloads/{workload}/inputs/{name}",
        "A file that the workload is given",
        None,
        media=BINARY,
        checks_itself=True,
    ),
    Route(
        "reports.log",
        "PUT",
        "/workloads/{workload}/log",
        "A piece of the workload's output",
        None,
        LogAnswer,
        query=OutputQuery,
        upload=(BINARY,),
        checks_itself=True,
    ),
    Route(
        "reports.file",
        "PUT",
        "/workloads/{workload}/files/{path}",
        "A file that the workload wrote",
        None,
        query=FileQuery,
        upload=(BINARY,),
        checks_itself=True,
        status=204,
    ),
    Route(
        "reports.remove_file",
        "DELETE",
        "/workloads/{workload}/files/{path}",
        "That the workload removed a file",
        None,
        checks_itself=True,
        status=204,
    ),
    Route(
        "reports.end",
        "PUT",
        "/workloads/{workload}/end",
        "That nothing more will come of the workload",
        None,
        body=EndReport,
        checks_itself=True,
        status=204,
    ),
)

"""The Jupyter server extension: PrimeHub in JupyterLab, asked with the notebook server's own token.

It runs in anybody's notebook image, so it needs what a notebook server has anyway, and imports nothing else of ours.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .extension import PrimeHubExtension

    return [{"module": "jupyter_primehub_ext", "app": PrimeHubExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextensions/@primehub/labextension", "dest": "@primehub/labextension"}]

"""The Jupyter server extension: PrimeHub in JupyterLab, asked with the notebook server's own token.

It runs in anybody's notebook image, so it needs what a notebook server has anyway, and imports nothing else of ours.
"""

"""A typed async client of PrimeHub's API, light enough for a notebook image: httpx and pydantic alone."""

from .base import ApiClient, ApiProblem

__all__ = ["ApiClient", "ApiProblem"]

"""PrimeHub's hub-managed services: API, controllers, engines, portal and command line."""

__version__ = "0.1.0"

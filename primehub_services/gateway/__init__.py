"""The data plane: passes requests on to what groups have deployed. A process of its own, ``python -m primehub_services.gateway``."""

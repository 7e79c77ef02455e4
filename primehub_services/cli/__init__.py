"""The ``primehub`` command: what people do through the API, and running the platform on one machine."""

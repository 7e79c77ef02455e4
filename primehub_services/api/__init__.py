"""The REST API, the event stream and the portal's pages: thin handlers over ``operations``."""

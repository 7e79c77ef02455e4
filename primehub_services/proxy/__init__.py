"""The npm manifests of the hub's proxy. ``primehub up`` installs it from them."""

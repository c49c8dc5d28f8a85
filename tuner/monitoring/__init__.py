"""A study while it runs: the live view, its note in the dashboard, metrics for Prometheus."""

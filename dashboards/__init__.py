"""What people look at: Grafana dashboards as code, the built-in board and the REST API."""

"""Grafana as code: the dashboards' source (``code``), their JSON as it ships (``json``), and provisioning."""

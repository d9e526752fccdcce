"""The source of the dashboards. Only ``dashboards.grafana.build`` imports it: it needs grafana-foundation-sdk."""

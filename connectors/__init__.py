"""Everything that crosses the process border: message models, sources, Kafka, ClickHouse, webhooks."""

"""Kafka: which partition, which topics, how far behind."""

from connectors.kafka.partitioner import murmur2, partition_of

__all__ = ["murmur2", "partition_of"]

"""Measurements that an operator can repeat: commands, never timed tests."""

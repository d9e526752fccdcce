"""Fault drills that an operator can run: steady load, a fault, and an audit of what is left."""

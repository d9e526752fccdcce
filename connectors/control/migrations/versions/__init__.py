"""Numbered, append-only migrations; each says why."""

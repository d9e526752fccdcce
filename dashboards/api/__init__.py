"""The REST API and the door in front of it and the board."""

from dashboards.api.app import create_api
from dashboards.api.guard import Access, is_loopback

__all__ = ["Access", "create_api", "is_loopback"]

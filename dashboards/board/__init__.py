"""The built-in warning board."""

from dashboards.board.pages import mount_board

__all__ = ["mount_board"]

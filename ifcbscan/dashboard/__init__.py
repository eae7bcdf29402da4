"""Asking the dashboard; read-only calls that need no login."""

"""Telling other programs how runs went: metrics, pings."""

"""The report on a time series as an HTML page."""

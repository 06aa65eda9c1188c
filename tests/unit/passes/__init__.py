"""Passes, graph text in and graph text out."""

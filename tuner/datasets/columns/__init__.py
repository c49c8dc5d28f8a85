"""Columns of tables: their kinds, and how each kind becomes numbers."""

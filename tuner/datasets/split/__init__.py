"""Dividing rows into training, validation and test parts."""

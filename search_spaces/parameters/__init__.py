"""The kinds of parameters: ranges, choices, conditions, and what `--set` makes of them."""

"""Where data come from, one module a kind of source; see ``source.Source``."""

"""What all pages have in common: one base, one stylesheet, and how templates are filled."""

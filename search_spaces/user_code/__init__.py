"""Code of the user's own: loaded from its file, and kept from changing this process."""

"""From options to a study in the store: validated before anything is made."""

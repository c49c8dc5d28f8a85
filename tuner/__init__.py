"""The tuning service: studies, workers and the command line, over `search_spaces` and `storage`."""

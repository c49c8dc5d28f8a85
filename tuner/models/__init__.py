"""Finished models: exported, evaluated, trained again, put together."""

"""One trial in a worker: what stands between its training and the store."""

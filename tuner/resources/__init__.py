"""Cores, GPUs and memory of this machine, and a process's share of them."""

"""Packages under the names of PyTorch's, for processes that a program under `rushlight run` spawns."""

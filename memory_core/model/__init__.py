"""Frozen data and the rules that belong to it. Standard library only."""

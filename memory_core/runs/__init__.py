"""Retrieval before execute, and the episode afterwards."""

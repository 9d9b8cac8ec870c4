"""Keeping a store in shape in the background."""

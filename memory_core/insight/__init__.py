"""Health and statistics."""

"""The audit trail: every change of a durable record, in order."""

"""How well recall finds the evidence for a question: ``python -m tests.benchmarks.retrieval --data PATH``."""

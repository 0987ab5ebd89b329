"""Check-ups of files that nobody trusts: read safely, understand without their code, judge."""

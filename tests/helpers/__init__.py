"""What several tests use, and no test of its own."""

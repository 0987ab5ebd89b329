"""Files that nobody trusts, read in a confined process; what they hold comes back checked."""

"""Files that nobody trusts, read by their own formats' rules; what they hold comes back checked."""

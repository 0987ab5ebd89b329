"""The datasets there are, one file a source; the registry finds them."""

"""Private names of libraries, one module a library: why each is needed, and what does without."""

"""Runs in worker processes, on dask.distributed."""

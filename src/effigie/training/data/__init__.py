"""Making of batches: sample keys that seed them, a cache of samples, and a prefetching thread."""

"""Networks of arXiv 1905.08233: embedder, generator, discriminator, their layers, and the landmark image."""

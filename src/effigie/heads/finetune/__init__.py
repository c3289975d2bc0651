"""Few-shot fine-tuning to one person (arXiv 1905.08233, section 3.3): reference set, task, trainer."""

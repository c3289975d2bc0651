"""Meta-learning over many people (arXiv 1905.08233, section 3.2): dataset, losses, task, trainer."""

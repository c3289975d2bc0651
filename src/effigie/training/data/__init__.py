"""How batches are made: seeded parts of a batch, examples used more than once, and a thread that works ahead."""

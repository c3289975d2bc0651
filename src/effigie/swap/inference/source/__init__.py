"""What is known of a source before its faces are made: whether it fits the footage, its glasses, what covers it."""

"""What becomes of a file: its place, its plan before the first frame, encoders, and the streams that are copied."""

"""What an artist changes in a conversion: project files, shots and their settings, keyed values, strokes, masks."""

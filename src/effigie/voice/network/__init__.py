"""The speech network: phonemes and a style to sound. The architecture is that of Kokoro-82M."""

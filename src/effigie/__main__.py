"""``python -m effigie``: the command line, where the command itself is not on the path, and for torchrun."""

from effigie.cli import main

if __name__ == "__main__":
    main()

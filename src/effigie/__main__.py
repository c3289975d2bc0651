"""`python -m effigie` is the `effigie` command: what torchrun starts."""

from effigie.cli import main

if __name__ == "__main__":
    main()

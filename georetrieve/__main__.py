"""``python -m georetrieve``."""

from georetrieve.cli import main

if __name__ == "__main__":
    main()

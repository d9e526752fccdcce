"""``python -m streams.cli``: how the supervisor starts its parts."""

from streams.cli import main

if __name__ == "__main__":
    main()

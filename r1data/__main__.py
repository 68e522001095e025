"""`python -m r1data` is `r1data`: Ctrl-C ends it without a traceback even while it is loaded."""

import sys


def main() -> None:
    """Run the command."""
    try:
        from r1data.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""`infotok` and `python -m infotok`."""

import sys


def main() -> None:
    """Run the command and exit with its code; a missing package is named in one line."""
    try:
        from infotok.course.cli import command
    except ModuleNotFoundError as missing:
        sys.exit(f"infotok: {missing.name} is not installed; the command needs: pip install -e '.[notebooks]'")
    sys.exit(command())


if __name__ == "__main__":
    main()

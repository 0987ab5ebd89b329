"""The command line's way in: python -m aecore, or the command aecore."""

from aecore.machine import restart_to_keep_freed_memory


def main() -> None:
    """Run the command line in a process whose allocator suits training."""
    restart_to_keep_freed_memory()
    # Not before: importing torch takes a second or two, and the restart would do it twice.
    from aecore.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()

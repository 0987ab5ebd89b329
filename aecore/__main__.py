"""The command line's way in: python -m aecore, or the command aecore."""

import sys

from aecore.machine import restart_for_training


def main() -> None:
    """Run the command line in a process whose allocator and threads suit training."""
    restart_for_training()
    if sys.argv[1:2] in (["scheduler"], ["worker"]):
        from aecore.jobs.clusters import main as of_a_cluster

        of_a_cluster(sys.argv[1:])
        return
    # Not before: importing torch takes a second or two, and the restart would do it twice.
    from aecore.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()

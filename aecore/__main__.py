from aecore.cli import main

main()

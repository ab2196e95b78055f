"""`python -m auditor` is `podfit`."""

from auditor.cli.app import main

main()

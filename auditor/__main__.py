"""`python -m auditor` is `podfit`."""

from auditor.cli.main import main

main()

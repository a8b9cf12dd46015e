"""The `headroom` command line. Import `headroom.cli.main` for the application."""

"""What services with a database of their own share: addresses, connections, failures, migrations."""

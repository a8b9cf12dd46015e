"""What watches the platform: the sources of the dashboards, and the files that are made of them."""

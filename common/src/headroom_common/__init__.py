"""What Headroom's services share: contracts, scenario schema, event manager, simulation core."""

"""SignalR triggers: what clients do on their connections."""

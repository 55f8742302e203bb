"""Azure Speech, faked at the wire: the real SDK talks to a local WebSocket peer."""

"""The conversation with one client: connection, sessions, links, and the request-response nodes."""

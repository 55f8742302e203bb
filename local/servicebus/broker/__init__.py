"""The rules of queues, topics and sessions. No sockets, no clock: callers pass `now` in ms since 1970."""

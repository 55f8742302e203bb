"""The SignalR stand-in, held to its documentation by the official client and by hand-written calls."""

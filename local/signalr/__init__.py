"""A stand-in for Azure SignalR Service in serverless mode, for unmodified clients and for the app."""

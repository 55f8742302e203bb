"""The API gateway: stages that every request passes, in order, and the table of routes."""

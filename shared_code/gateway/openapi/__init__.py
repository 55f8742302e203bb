"""This API described in OpenAPI 3.1, made from the table of routes and the models."""

"""Promises of the project, each stated by a test."""

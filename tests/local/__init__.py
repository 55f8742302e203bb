"""Tests of the local stack, each part driven by the clients that people use."""

"""Measurements, each beside a peer or a target in the same run. Machines differ: compare within a run only."""

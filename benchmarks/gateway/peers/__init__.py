"""The gateways that one would take instead: installed apart from the project, started, and ended."""

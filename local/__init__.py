"""The local stack: everything the app needs to run on one machine, without Azure and without Docker."""

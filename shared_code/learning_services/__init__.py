"""The eight learning services that run in this process, as the gateway's catch-all reaches them.

A file a service: its table of routes, the models of its bodies and queries, and the endpoints, each of which reads the
request, calls one use case and answers. `me` is the learner who asks.
"""

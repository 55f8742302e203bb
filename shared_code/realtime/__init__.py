"""What reaches a learner's screen: the numbered session channel and SignalR."""

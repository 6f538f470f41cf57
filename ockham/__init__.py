"""The `ockham` command: the service on one machine, the client's verbs, and the demo."""

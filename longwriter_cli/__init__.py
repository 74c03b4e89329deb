"""longwriter: long-output training data by AgentWrite, from a shell, cron or CI."""

__version__ = "0.1.0"

"""HOW MUCH: cost per token, quotes, build against buy, cascades, forecasts; money from rates, never from sockets."""

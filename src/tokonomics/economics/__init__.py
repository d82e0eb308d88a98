"""HOW MUCH: cost per token, quotes, build against buy, cascades, forecasts; money from rates, never from sockets.

Floors, lowest first; imports go down, and the packages of one line do not know each other:

    figures
    tokens, hardware, quality
    outlook, quoting
    serving
    optimisation, build_or_buy
"""

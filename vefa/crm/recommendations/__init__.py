"""What else a customer may like: what goes with what they bought, else best-sellers.

`making` reads the shop's orders once a night and keeps which products go together (`counting`, `weighing`). `choosing`
picks for a batch of customers at a time, in a fixed number of statements.
"""

"""A shop's own exports into the CRM store, by a column map, once and once only.

Nothing is imported here: modules below are needed by the rest of the CRM, and some of them need it in turn.
"""

"""Tables that users send: a file is read, checked, described by a card, and written as Parquet with typed columns.

Nothing here knows of HTTP, SQL or training.
"""

"""The differential test: random queries against foreign tables and against
local tables that hold the same rows.

    model.py      tables, columns, and the values that occur in them
    values.py     values of a query: literals, parameters, expressions
    conditions.py random conditions on a table's columns
    queries.py    random queries made of them
    server.py     the databases' side: connections, tables, psql
    compare.py    runs queries on both sides and compares the rows
"""

"""Programs for the interpreter that has vLLM, which may not have this package: they import nothing of it.

Their folder is on that interpreter's path, so their names begin with ``imagejudge_``.
"""

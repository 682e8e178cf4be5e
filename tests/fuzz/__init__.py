"""Random calls of every kernel family, with all arrays between pages that may not be touched.

    python -m fuzz --cases 10000            every family (from the folder `tests`, or by `make fuzz`)
    python -m fuzz pool --from 4711 --cases 1

A family is a function that draws one call, makes it and compares the result; `families` has them all.
"""

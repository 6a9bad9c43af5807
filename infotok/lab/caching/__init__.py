"""What identifies a finished run of a sweep, and the file that keeps it.

- `fingerprint`  a digest of everything that a function reaches
- `sources`      functions, classes and modules by their code
- `values`       values by their content
- `cell_files`   the file of one finished run, under a SHA-256
"""

"""The JSON Schema of config files: the shipped files, what is made of them, and their builder.

`build` makes the two files in `schemas/` of `texts`, `rules` and `patterns`, for maintainers alone.
All else reads these files: `export` for editors and validators, `embedded` for pydantic.
"""

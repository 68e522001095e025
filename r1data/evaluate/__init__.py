"""Evaluation: ask a model the questions of a benchmark or a release, and score as it does.

`rows` reads test sets, `pictures` takes their frames, `run` asks and keeps every answer, `scoring`
judges one answer, `tally` brings scores together, `table` compares runs.
"""

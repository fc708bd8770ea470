"""The suite against baselines and peers, for whoever works on the library: `python -m benchmarks` lists the cases.

`cases` say what is measured, `contestants` are those that are measured, each in a process of its own, `harness` measures.
This file imports nothing: the contestants that are peers run in environments that have no picsum_vision.
"""

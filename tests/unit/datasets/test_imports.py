"""Modules of data sets can be read one after another: none of them needs one that needs it."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_modules_import_in_one_direction():
    """There is no circle, not even one through an import within a function."""
    graph = grimp.build_graph("tuner", cache_dir=None, exclude_type_checking_imports=True)
    rooms = [module for module in graph.modules if module.startswith("tuner.datasets")]
    imported = {module: graph.find_modules_directly_imported_by(module) for module in rooms}
    TopologicalSorter(imported).prepare()  # raises CycleError, which names the circle

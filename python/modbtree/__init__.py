"""What the modules btree and btrees_json have in common: the compiled part."""

from modbtree._native import __version__

__all__ = ["__version__"]

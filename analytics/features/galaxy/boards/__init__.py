"""The boards of a wall, one module for each. Importing this package registers the boards of all its modules."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)

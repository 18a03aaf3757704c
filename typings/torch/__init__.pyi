# torch is not installed where types are checked; here it is Any, with the names that annotations use.
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
OutOfMemoryError: type[RuntimeError]

def __getattr__(name: str) -> Any: ...

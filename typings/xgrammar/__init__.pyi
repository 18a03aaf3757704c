# xgrammar is not installed where types are checked; here it is Any.
from typing import Any

def __getattr__(name: str) -> Any: ...

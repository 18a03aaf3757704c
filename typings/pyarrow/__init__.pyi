# pyarrow ships no types, and the third-party stubs reject correct code; here it is Any, with the names
# that annotations use.
from typing import Any, TypeAlias

Array: TypeAlias = Any
ChunkedArray: TypeAlias = Any
DataType: TypeAlias = Any
Field: TypeAlias = Any
ListType: TypeAlias = Any
Schema: TypeAlias = Any
StructType: TypeAlias = Any
Table: TypeAlias = Any
ArrowException: type[Exception]
ArrowInvalid: type[Exception]

def __getattr__(name: str) -> Any: ...

from typing import Any, TypeAlias

ParquetFile: TypeAlias = Any
ParquetWriter: TypeAlias = Any
FileMetaData: TypeAlias = Any

def __getattr__(name: str) -> Any: ...

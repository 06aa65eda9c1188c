"""Pointers of git-LFS, which lie where a large file was not fetched."""

from __future__ import annotations

from codegen.errors import UnreadableFile

_POINTER = b"version https://git-lfs.github.com"


def refuse_pointer(head: bytes) -> None:
    """Raise UnreadableFile if these are the first bytes of a pointer."""
    if head.lower().startswith(_POINTER):
        raise UnreadableFile(
            "this is a git-LFS pointer, not the model itself; run `git lfs pull` to fetch it"
        )

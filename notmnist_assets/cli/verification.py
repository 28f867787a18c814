"""Compares all stored values with their digests, for `notmnist verify`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.storage.store import NoDigestsError, StorageUnusableError, ValueStore


class State(StrEnum):
    """The state of a stored value."""

    INTACT = "intact"
    RECORDED = "recorded"
    ABSENT = "absent"
    UNPROVEN = "unproven"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Verification:
    """The state of the value of one asset, with the sizes of its files or the reason."""

    asset: str
    state: State
    detail: str

    @property
    def is_usable(self) -> bool:
        """Whether the value can be loaded, or nothing is stored."""
        return self.state not in (State.UNPROVEN, State.DAMAGED)


def verify_values(
    store: ValueStore, assets: Iterable[str], *, record: bool = False, sizes_only: bool = False
) -> Iterator[Verification]:
    """Read all files of the stored values and compare them with their digests, asset by asset.

    Args:
        store: where values are stored.
        assets: keys, parts joined by slashes.
        record: first record digests of values that an earlier release stored without; their files count as unchanged.
        sizes_only: read the manifests and compare the sizes of the files, without reading the files.

    Raises:
        StorageUnusableError: the storage cannot be read.
    """
    for asset in assets:
        key = asset.split("/")
        try:
            recorded = store.record_digests(key) if record else None
            stored = recorded or store.find(key)
            if stored is None:
                yield Verification(asset, State.ABSENT, "nothing is stored")
                continue
            if not recorded and not sizes_only:
                store.verify(key, stored)
        except StorageUnusableError:
            raise
        except CurationError as error:
            state = State.UNPROVEN if isinstance(error, NoDigestsError) else State.DAMAGED
            yield Verification(asset, state, f"{error.problem} {error.remedy}")
        else:
            detail = f"{counted(len(stored.files), 'file')}, {counted(stored.bytes, 'byte')}"
            yield Verification(asset, State.RECORDED if recorded else State.INTACT, detail)

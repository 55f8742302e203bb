"""What is sealed under a learner's key opens for whoever has the key, in its place alone, until the key is erased."""

from __future__ import annotations

import asyncio
import stat
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Unavailable
from shared_code.storage.account import StorageAccount
from shared_code.storage.sealing.data_key import OVERHEAD, SealBroken
from shared_code.storage.sealing.file_wrapper import FileWrapper
from shared_code.storage.sealing.learner_keys import KEY_MEMORY, LearnerKeys
from shared_code.storage.tables import Tables

TEXT = "我叫小梅".encode()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def tables(azurite: str) -> AsyncIterator[Tables]:
    tables = Tables(StorageAccount(connection_string=azurite))
    yield tables
    await tables.close()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "learner-keys.key"


@pytest.fixture
def keys(tables: Tables, file: Path, time: Time) -> LearnerKeys:
    return LearnerKeys(tables, FileWrapper(file), utc_now, monotonic=time)


@pytest.fixture
def elsewhere(tables: Tables, file: Path, time: Time) -> LearnerKeys:
    """The keys as another process sees them."""
    return LearnerKeys(tables, FileWrapper(file), utc_now, monotonic=time)


@pytest.fixture
def learner() -> str:
    return uuid.uuid4().hex


async def test_what_one_process_seals_another_opens(keys: LearnerKeys, elsewhere: LearnerKeys, learner: str) -> None:
    sealed = await keys.seal(learner, TEXT, "here")
    assert TEXT not in sealed
    assert len(sealed) == len(TEXT) + OVERHEAD
    assert await elsewhere.open(learner, sealed, "here") == TEXT
    assert await keys.seal(learner, TEXT, "here") != sealed


async def test_what_is_moved_or_changed_does_not_open(keys: LearnerKeys, learner: str) -> None:
    sealed = await keys.seal(learner, TEXT, "here")
    with pytest.raises(SealBroken):
        await keys.open(learner, sealed, "there")
    with pytest.raises(SealBroken):
        await keys.open(learner, sealed[:-1] + bytes([sealed[-1] ^ 1]), "here")
    with pytest.raises(SealBroken):
        await keys.open(learner, TEXT, "here")
    await keys.seal("another", TEXT, "here")
    assert await keys.open("another", sealed, "here") is None


async def test_many_processes_that_need_a_key_at_once_make_one(
    keys: LearnerKeys, elsewhere: LearnerKeys, learner: str
) -> None:
    made = await asyncio.gather(*(each.sealing_key(learner) for each in (keys, elsewhere) * 5))
    assert len({key.id for key in made}) == 1


async def test_an_erased_key_is_gone_at_once_here_and_within_its_memory_everywhere(
    keys: LearnerKeys, elsewhere: LearnerKeys, learner: str, time: Time
) -> None:
    sealed = await keys.seal(learner, TEXT, "here")
    assert await elsewhere.open(learner, sealed, "here") == TEXT
    await keys.erase(learner)
    assert await keys.open(learner, sealed, "here") is None
    assert await elsewhere.open(learner, sealed, "here") == TEXT
    time.now += KEY_MEMORY
    assert await elsewhere.open(learner, sealed, "here") is None
    await keys.erase(learner)


async def test_a_learner_who_comes_back_gets_another_key(keys: LearnerKeys, learner: str) -> None:
    before = await keys.seal(learner, TEXT, "here")
    await keys.erase(learner)
    after = await keys.seal(learner, TEXT, "here")
    assert await keys.open(learner, after, "here") == TEXT
    assert await keys.open(learner, before, "here") is None


async def test_a_key_that_is_still_there_is_not_unwrapped_again(
    keys: LearnerKeys, learner: str, time: Time, file: Path
) -> None:
    sealed = await keys.seal(learner, TEXT, "here")
    file.unlink()
    time.now += KEY_MEMORY
    assert await keys.open(learner, sealed, "here") == TEXT


async def test_the_key_file_is_its_owner_s_alone_and_made_once(file: Path) -> None:
    wrappers = [FileWrapper(file) for _ in range(5)]
    wrapped = await asyncio.gather(*(wrapper.wrap(b"k" * 32) for wrapper in wrappers))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert [await wrappers[0].unwrap(each) for each in wrapped] == [b"k" * 32] * 5


async def test_another_key_file_is_told_from_the_one_that_wrapped(file: Path, tmp_path: Path) -> None:
    wrapped = await FileWrapper(file).wrap(b"k" * 32)
    with pytest.raises(Unavailable, match="another key file"):
        await FileWrapper(tmp_path / "other.key").unwrap(wrapped)
    (tmp_path / "spoilt.key").write_bytes(b"short")
    with pytest.raises(Unavailable, match="does not hold a key"):
        await FileWrapper(tmp_path / "spoilt.key").wrap(b"k" * 32)


async def test_an_erasure_is_remembered_and_what_is_older_with_it(keys: LearnerKeys, learner: str) -> None:
    before = utc_now() - timedelta(seconds=1)
    await keys.seal(learner, TEXT, "here")
    assert not await keys.erased_since(learner, before)
    await keys.erase(learner)
    await keys.seal(learner, TEXT, "here")  # back again
    assert await keys.erased_since(learner, before)
    assert not await keys.erased_since(learner, utc_now() + timedelta(seconds=1))
    assert not await keys.erased_since(learner, None)

"""What processes leave for each other in files: whole or not at all, in its order."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.failures import CommandError
from tools.parsing.processes.mailbox import Inbox, Journal, JournalReader, Outbox


def test_batches_come_in_their_order_and_are_gone_then(tmp_path: Path) -> None:
    outbox: Outbox[list[int]] = Outbox(tmp_path / "box")
    inbox: Inbox[list[int]] = Inbox(tmp_path / "box")
    assert inbox.take() is None
    for batch in ([1, 2], [], [3]):
        outbox.put(batch)
    assert [inbox.take() for _ in range(4)] == [[1, 2], [], [3], None]
    assert list(tmp_path.iterdir()) == []
    outbox.put([4])
    assert inbox.take() == [4]


def test_a_batch_that_is_being_written_is_not_there_yet(tmp_path: Path) -> None:
    outbox: Outbox[list[int]] = Outbox(tmp_path / "box")
    outbox.put([1])
    (written,) = tmp_path.iterdir()
    written.rename(written.with_name(f"{written.name}~"))
    assert Inbox[list[int]](tmp_path / "box").take() is None


def test_a_batch_waits_for_room_until_the_one_before_is_taken_or_somebody_hurries(tmp_path: Path) -> None:
    hurries = iter([False, False, True])
    outbox: Outbox[int] = Outbox(tmp_path / "box", 2**63, lambda: next(hurries))
    inbox: Inbox[int] = Inbox(tmp_path / "box")
    outbox.put(1)
    outbox.put(2)
    assert list(hurries) == []
    assert [inbox.take(), inbox.take()] == [1, 2]
    # Nobody is asked: what came before has been taken.
    outbox.put(3)
    assert inbox.take() == 3


def test_each_reader_of_a_journal_gets_all_notes(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    with JournalReader[str](path) as early, JournalReader[str](path) as late, Journal[str](path) as journal:
        assert early.read() is late.read() is None
        journal.add("one")
        assert early.read() == "one"
        journal.add("two")
        assert [early.read(), early.read()] == ["two", None]
        assert [late.read(), late.read(), late.read()] == ["one", "two", None]


def test_a_note_is_read_when_all_of_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    note = [1, "two", bytes(100_000)]
    data = pickle.dumps(note, pickle.HIGHEST_PROTOCOL)
    for end in (0, 1, 2, 3, 11, 12, 20, 50_000, len(data) - 1):
        path.write_bytes(data[:end])
        with JournalReader[list[object]](path) as reader, path.open("ab") as more:
            assert reader.read() is None
            more.write(data[end:])
            more.flush()
            assert [reader.read(), reader.read()] == [note, None]


@pytest.mark.parametrize("use", [lambda path: Outbox[int](path).put(1), Journal[int], JournalReader[int]])
def test_what_cannot_be_had_is_said_to_be_temporary(use: Callable[[Path], object], tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with pytest.raises(CommandError, match=f"the temporary folder {folder}: No such file or directory") as raised:
        use(folder / "name")
    assert "TMPDIR" in raised.value.hint

"""What processes leave for each other in files: whole or not at all, in its order."""

from __future__ import annotations

import pickle
from pathlib import Path

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


def test_each_reader_of_a_journal_gets_all_notes(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    readers: list[JournalReader[str]] = [JournalReader(path) for _ in range(2)]
    assert [each.read() for each in readers] == [None, None]
    with Journal[str](path) as journal:
        journal.add("one")
        assert readers[0].read() == "one"
        journal.add("two")
        assert [readers[0].read(), readers[0].read()] == ["two", None]
    assert [readers[1].read(), readers[1].read(), readers[1].read()] == ["one", "two", None]


def test_a_note_is_read_when_all_of_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    note = [1, "two", bytes(100_000)]
    data = pickle.dumps(note, pickle.HIGHEST_PROTOCOL)
    for end in (0, 1, 2, 3, 11, 12, 20, 50_000, len(data) - 1):
        reader: JournalReader[list[object]] = JournalReader(path)
        path.write_bytes(data[:end])
        assert reader.read() is None
        path.write_bytes(data)
        assert reader.read() == note

"""Whole handshakes and bulk data beside other libraries: the ratios that are wanted are reached."""

from __future__ import annotations

from bench import bulk, handshake


def test_handshakes_reach_their_goals() -> None:
    assert [str(each) for each in handshake.results() if not each.reached] == []


def test_data_reaches_its_goals() -> None:
    assert [str(each) for each in bulk.results() if not each.reached] == []

"""Record padding policies. RFC 9846 §5.4"""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import ContentType
from tls13.crypto import Random
from tls13.errors import ConfigurationError
from tls13.padding import NoPadding, PaddingPolicy, PadToMultiple, RandomPadding

CONTENT_TYPES = st.sampled_from([ContentType.alert, ContentType.handshake, ContentType.application_data])
POLICIES = st.one_of(
    st.just(NoPadding()),
    st.builds(PadToMultiple, st.integers(1, 2**14 + 1)),
    st.builds(RandomPadding, st.integers(0, 2**14)),
)


def no_random(length: int) -> bytes:
    raise AssertionError("this policy leaves nothing to chance")


def always(number: int) -> Random:
    """A source that gives the same number each time, however many bytes it is asked for."""
    return lambda length: number.to_bytes(length, "big")


@given(
    policy=POLICIES,
    content_type=CONTENT_TYPES,
    sizes=st.tuples(st.integers(0, 2**14), st.integers(1, 2**14 + 1)).filter(lambda each: each[0] < each[1]),
    seed=st.integers(0, 2**64 - 1),
)
def test_no_policy_fills_a_record_over_its_limit(
    policy: PaddingPolicy, content_type: ContentType, sizes: tuple[int, int], seed: int
) -> None:
    length, limit = sizes
    room = limit - 1 - length
    assert 0 <= policy.padding(content_type, length, room, always(seed)) <= room


def test_no_padding_adds_nothing() -> None:
    assert NoPadding().padding(ContentType.application_data, 5, 1000, no_random) == 0


@pytest.mark.parametrize(
    ("multiple", "length", "zeros"),
    [
        (1, 0, 0),
        (1, 77, 0),
        (16, 0, 15),
        (16, 14, 1),
        (16, 15, 0),
        (16, 16, 15),
        (256, 1000, 23),
        (2**14 + 1, 3, 16381),
    ],
)
def test_content_and_its_type_come_to_a_multiple(multiple: int, length: int, zeros: int) -> None:
    room = 2**14 - length
    assert PadToMultiple(multiple).padding(ContentType.handshake, length, room, no_random) == zeros


def test_a_multiple_that_does_not_fit_fills_the_record() -> None:
    assert PadToMultiple(1000).padding(ContentType.application_data, 3, 60, no_random) == 60
    assert PadToMultiple(1000).padding(ContentType.application_data, 2**14, 0, no_random) == 0


def test_random_padding_is_what_the_source_of_randomness_says() -> None:
    policy = RandomPadding(255)
    assert policy.padding(ContentType.application_data, 10, 1000, always(200)) == 200
    assert policy.padding(ContentType.application_data, 10, 1000, always(256)) == 0
    assert policy.padding(ContentType.application_data, 10, 99, always(199)) == 99
    assert policy.padding(ContentType.application_data, 10, 0, always(7)) == 0


def test_random_padding_gives_every_number_up_to_its_maximum() -> None:
    policy = RandomPadding(3)
    drawn = {policy.padding(ContentType.application_data, 10, 1000, os.urandom) for _ in range(500)}
    assert drawn == {0, 1, 2, 3}


@pytest.mark.parametrize("multiple", [-1, 0, 2**14 + 2])
def test_a_multiple_that_no_record_has_is_refused(multiple: int) -> None:
    with pytest.raises(ConfigurationError, match=f"a multiple of {multiple} bytes"):
        PadToMultiple(multiple)


@pytest.mark.parametrize("maximum", [-1, 2**14 + 1])
def test_a_maximum_that_no_record_holds_is_refused(maximum: int) -> None:
    with pytest.raises(ConfigurationError, match=f"up to {maximum} bytes"):
        RandomPadding(maximum)

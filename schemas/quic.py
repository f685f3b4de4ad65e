"""RFC 9000 §18: the transport parameters of QUIC, which a TLS extension carries (RFC 9001 §8.2)."""

from __future__ import annotations

from typing import Self

from schemas.vocabulary import (
    CodePoint,
    Struct,
    behind_variable_length,
    distinct,
    empty,
    field,
    opaque,
    repeated,
    rest,
    select,
    struct,
    uint16,
    uint32,
    variable_code_point,
    variable_integer,
)


class TransportParameterId(CodePoint, width=8):
    """QUIC Transport Parameters. RFC 9000 §22.3.

    A number is written in one to eight bytes (§16). Not registered but met: what begins with `google_`.
    """

    original_destination_connection_id = 0x00
    max_idle_timeout = 0x01
    stateless_reset_token = 0x02
    max_udp_payload_size = 0x03
    initial_max_data = 0x04
    initial_max_stream_data_bidi_local = 0x05
    initial_max_stream_data_bidi_remote = 0x06
    initial_max_stream_data_uni = 0x07
    initial_max_streams_bidi = 0x08
    initial_max_streams_uni = 0x09
    ack_delay_exponent = 0x0A
    max_ack_delay = 0x0B
    disable_active_migration = 0x0C
    preferred_address = 0x0D
    active_connection_id_limit = 0x0E
    initial_source_connection_id = 0x0F
    retry_source_connection_id = 0x10
    version_information = 0x11
    max_datagram_frame_size = 0x20
    grease_quic_bit = 0x2AB2
    google_connection_options = 0x3128
    google_version = 0x4752

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        member = super()._missing_(value)
        if member is not None:
            member._name_ = f"{'reserved' if member % 31 == 27 else 'unknown'} {int(member):#x}"
        return member


@struct
class PreferredAddress(Struct):
    """RFC 9000 §18.2. Where the server would rather be spoken to."""

    ipv4_address: bytes = field(opaque(4), "zeros for none")
    ipv4_port: int = field(uint16, "of that address")
    ipv6_address: bytes = field(opaque(16), "zeros for none")
    ipv6_port: int = field(uint16, "of that address")
    connection_id: bytes = field(opaque(1, 20), "to be used there")
    stateless_reset_token: bytes = field(opaque(16), "of that connection ID")


@struct
class VersionInformation(Struct):
    """RFC 9368 §3. The versions that the sender has."""

    chosen_version: int = field(uint32, "of this connection")
    available_versions: list[int] = field(repeated(uint32), "most wanted first from a client", default=[])


@struct
class TransportParameter(Struct):
    """RFC 9000 §18. One setting. An unknown one keeps its bytes.

    An id, a length or an integer that takes more bytes than it needs is legal (§16), and keeps its width.
    """

    id: TransportParameterId = field(variable_code_point(TransportParameterId), "which")
    value: object = field(
        behind_variable_length(
            select(
                "id",
                {
                    TransportParameterId.original_destination_connection_id: rest,
                    TransportParameterId.max_idle_timeout: variable_integer,
                    TransportParameterId.stateless_reset_token: opaque(16),
                    TransportParameterId.max_udp_payload_size: variable_integer,
                    TransportParameterId.initial_max_data: variable_integer,
                    TransportParameterId.initial_max_stream_data_bidi_local: variable_integer,
                    TransportParameterId.initial_max_stream_data_bidi_remote: variable_integer,
                    TransportParameterId.initial_max_stream_data_uni: variable_integer,
                    TransportParameterId.initial_max_streams_bidi: variable_integer,
                    TransportParameterId.initial_max_streams_uni: variable_integer,
                    TransportParameterId.ack_delay_exponent: variable_integer,
                    TransportParameterId.max_ack_delay: variable_integer,
                    TransportParameterId.disable_active_migration: empty,
                    TransportParameterId.preferred_address: PreferredAddress,
                    TransportParameterId.active_connection_id_limit: variable_integer,
                    TransportParameterId.initial_source_connection_id: rest,
                    TransportParameterId.retry_source_connection_id: rest,
                    TransportParameterId.version_information: VersionInformation,
                    TransportParameterId.max_datagram_frame_size: variable_integer,
                    TransportParameterId.grease_quic_bit: empty,
                },
                otherwise=rest,
            )
        ),
        "a number, bytes or a struct, as the id says",
    )


transport_parameters = distinct(repeated(TransportParameter), "id")
"""The extension's body: parameters up to its end, each at most once. RFC 9000 §7.4, §18"""

"""What became of an encrypted ClientHello, as far as an onlooker can tell; and whether it is one at all. RFC 9849 §6

Some clients send random bytes in its place (GREASE). Three things tell them apart: a key that opens it; a second hello,
whose extension GREASE repeats and a real one seals anew; and what the client does when the server has not taken it.
"""

from __future__ import annotations

from schemas.code_points import AlertDescription
from schemas.encrypted_client_hello import ECHOuter
from schemas.extensions import EncryptedClientHello
from schemas.handshake import ClientHello, EncryptedExtensions
from tls13.capture.judging.judgement import EncryptedHello, EncryptedHelloStatus
from tls13.capture.judging.offers import offer_of
from tls13.capture.opening.encrypted_hello import Opening


class EncryptedHelloTracker:
    """Collects what tells it. `opening` and `confirmed` are set by who has the keys."""

    __slots__ = ("_repeated", "_required", "_retry_configs", "_sealed", "confirmed", "opening")

    def __init__(self) -> None:
        self.opening: Opening | None = None
        self.confirmed: bool | None = None
        """Whether the ServerHello confirms the inner hello."""
        self._sealed: ECHOuter | None = None
        self._repeated: bool | None = None
        """Whether a second hello repeats the first one's extension; None where there is none."""
        self._required = False
        self._retry_configs = False

    def client_hello(self, hello: ClientHello) -> None:
        """A ClientHello, the second one too."""
        extension = EncryptedClientHello.client_hello.find(hello.extensions)
        if extension is None or not isinstance(extension.content, ECHOuter):
            return
        if self._sealed is None:
            self._sealed = extension.content
        elif self._repeated is None:
            self._repeated = extension.content == self._sealed

    def answers(self, answers: EncryptedExtensions) -> None:
        """EncryptedExtensions: a server that did not take it says what it would take. RFC 9849 §5"""
        self._retry_configs = EncryptedClientHello.encrypted_extensions.find(answers.extensions) is not None

    def alert(self, description: AlertDescription) -> None:
        """An alert: ech_required is that of a client whose hello was not taken. RFC 9849 §6.1.6"""
        self._required = self._required or description == AlertDescription.ech_required

    def judged(self, read_as_outer: bool, went_on: bool) -> EncryptedHello | None:
        """What became of it, None where none was offered.

        `read_as_outer` says that the handshake was read and is that of the outer hello, `went_on` that the client
        went through with it.
        """
        if self._sealed is None:
            return None
        inner = self.opening.inner if self.opening is not None else None
        status, text = self._status(inner is not None, read_as_outer, went_on)
        return EncryptedHello(
            status=status,
            config_id=self._sealed.config_id,
            inner=offer_of(inner) if inner is not None else None,
            text=text,
        )

    def _status(self, is_open: bool, read_as_outer: bool, went_on: bool) -> tuple[EncryptedHelloStatus, str]:
        if self.confirmed:
            return EncryptedHelloStatus.accepted, "the server's random confirms the inner hello"
        if is_open and self.confirmed is False:
            return EncryptedHelloStatus.rejected, "the server's random does not confirm the inner hello"
        if self._repeated:
            return EncryptedHelloStatus.grease, "the second hello repeats it, which a real one must not"
        if self._required:
            return EncryptedHelloStatus.rejected, "the client gives up because the server could not open it"
        if is_open:
            return EncryptedHelloStatus.unknown, "it is a real one; there is no ServerHello to tell what became of it"
        if read_as_outer and went_on and self._repeated is None:
            offered = ", and passes over the keys that the server offers" if self._retry_configs else ""
            return EncryptedHelloStatus.grease, f"the client goes on although the server did not take it{offered}"
        if read_as_outer:
            return EncryptedHelloStatus.rejected, "the server went on with the outer hello; it may have been GREASE"
        why = f": {self.opening.why_not}" if self.opening is not None and self.opening.why_not else ""
        real = "it is a real one, as it was sealed anew for the second hello; " if self._repeated is False else ""
        return EncryptedHelloStatus.unknown, f"{real}not opened{why}"

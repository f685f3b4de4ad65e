"""What became of an encrypted ClientHello, as far as an onlooker can tell; and whether it is one at all. RFC 9849 §6

Some clients send random bytes in its place (GREASE). Three things tell them apart: a key that opens it; a second hello,
for which a real one that the server took is sealed anew; and what the client does when the server has not taken it.
That a second hello repeats the extension tells only that the server did not take the first: GREASE is copied
(§6.2.1), and so is a real one, as the client goes on with the outer hello (§6.1.6, RFC 9846 §4.2.2).
"""

from __future__ import annotations

from schemas.code_points import AlertDescription
from schemas.encrypted_client_hello import ECHConfig, ECHConfigContents, ECHOuter
from schemas.extensions import EncryptedClientHello
from schemas.handshake import ClientHello, EncryptedExtensions, HelloRetryRequest
from tls13.capture.judging.judgement import EncryptedHello, EncryptedHelloStatus
from tls13.capture.judging.offers import offer_of
from tls13.capture.opening.encrypted_hello import Opening
from tls13.printable import printable

_MOST_NAMES = 3
Verdict = tuple[EncryptedHelloStatus, str]


class EncryptedHelloTracker:
    """Collects what tells it. `confirmed` is set by who has the keys."""

    __slots__ = ("_inner", "_opening", "_required", "_retry_configs", "_sealed", "_second", "_signal", "confirmed")

    def __init__(self) -> None:
        self.confirmed: bool | None = None
        """Whether the server's latest hello confirms the inner hello."""
        self._opening: Opening | None = None
        self._inner: list[ClientHello] = []
        """The first, and the latest where there are more."""
        """What could be opened, the first hello and the second."""
        self._sealed: ECHOuter | None = None
        self._second: ECHOuter | None = None
        self._signal = True
        """Whether a HelloRetryRequest, if there is one, has what may confirm the inner hello."""
        self._required = False
        self._retry_configs: list[ECHConfig] = []

    @property
    def opening(self) -> Opening | None:
        """The last attempt to open one, None before the first."""
        return self._opening

    def opened(self, opening: Opening) -> None:
        """An attempt to open the encrypted hello of the ClientHello that comes next."""
        self._opening = opening
        if opening.inner is not None:
            self._inner = [*self._inner[:1], opening.inner]

    def client_hello(self, hello: ClientHello) -> None:
        """A ClientHello, the second one too."""
        extension = EncryptedClientHello.client_hello.find(hello.extensions)
        if extension is None or not isinstance(extension.content, ECHOuter):
            return
        if self._sealed is None:
            self._sealed = extension.content
        elif self._second is None:
            self._second = extension.content

    def hello_retry_request(self, retry: HelloRetryRequest) -> None:
        """A HelloRetryRequest: one that takes the inner hello says so, and one that does not may pretend to. §7.1"""
        self._signal = EncryptedClientHello.hello_retry_request.find(retry.extensions) is not None

    def retried(self, first: ClientHello, second: ClientHello) -> list[tuple[ClientHello, ClientHello]]:
        """The two hellos, before and after a HelloRetryRequest, of which one has to be made of the other, if known.

        Those inside, where the server took the first; what is outside then need not be made of anything. §6.1.5
        """
        if not self._is_sealed_anew:
            return [(first, second)]
        return list(zip(self._inner[:1], self._inner[1:2], strict=False))

    def answers(self, answers: EncryptedExtensions) -> None:
        """EncryptedExtensions: a server that did not take it says what it would take. RFC 9849 §5"""
        self._retry_configs = EncryptedClientHello.encrypted_extensions.find(answers.extensions) or []

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
        status, text = self._by_keys() or self._by_conduct(read_as_outer, went_on) or self._unknown()
        if status is EncryptedHelloStatus.rejected and self._retry_configs:
            text += f"; the server offers {_named(self._retry_configs)} instead"
        return EncryptedHello(
            status=status,
            config_id=self._sealed.config_id,
            inner=offer_of(self._inner[-1]) if self._inner else None,
            text=text,
        )

    def _by_keys(self) -> Verdict | None:
        """What those know who can open it."""
        if self.confirmed:
            return EncryptedHelloStatus.accepted, "the server's hello confirms the inner one"
        if self._inner and self.confirmed is False:
            return EncryptedHelloStatus.rejected, "the server's hello does not confirm the inner one"
        return None

    def _by_conduct(self, read_as_outer: bool, went_on: bool) -> Verdict | None:
        """What everybody sees. The more certain comes first."""
        if self._required:
            return EncryptedHelloStatus.rejected, "the client gives up because the server could not open it"
        if self._is_sealed_anew and self._signal:
            return EncryptedHelloStatus.accepted, "the client seals another for its second hello, as only then it does"
        if self._second not in (None, self._sealed) and not self._is_sealed_anew:
            return EncryptedHelloStatus.grease, "the second hello has another, which does not go on from the first"
        if read_as_outer and went_on and not self._inner:
            offered = ", and passes over the keys that the server offers" if self._retry_configs else ""
            return EncryptedHelloStatus.grease, f"the client goes on although the server did not take it{offered}"
        if read_as_outer:
            return EncryptedHelloStatus.rejected, "the server went on with the outer hello; it may have been GREASE"
        if self._second == self._sealed:
            text = "the second hello repeats it, as the server did not take it; it may have been GREASE"
            return EncryptedHelloStatus.rejected, text
        return None

    def _unknown(self) -> Verdict:
        if self._inner:
            return EncryptedHelloStatus.unknown, "it is a real one; there is no ServerHello to tell what became of it"
        why = f": {self._opening.why_not}" if self._opening is not None and self._opening.why_not else ""
        return EncryptedHelloStatus.unknown, f"not opened{why}"

    @property
    def _is_sealed_anew(self) -> bool:
        """Whether the second hello has one that is sealed with the first one's keys. RFC 9849 §6.1.5, §7.1.1"""
        first, second = self._sealed, self._second
        if first is None or second is None:
            return False
        same = (first.config_id, first.cipher_suite) == (second.config_id, second.cipher_suite)
        return same and not second.enc and second != first


def _named(configs: list[ECHConfig]) -> str:
    """How many configurations, and for which names."""
    known = [each.contents.public_name for each in configs if isinstance(each.contents, ECHConfigContents)]
    shown = list(dict.fromkeys(known))[:_MOST_NAMES]
    names = ", ".join(printable(name.decode("ascii", "backslashreplace")) for name in shown)
    return f"{len(configs)} configuration{'s' if len(configs) > 1 else ''}{f' for {names}' if names else ''}"

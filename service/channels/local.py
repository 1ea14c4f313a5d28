"""The channels inside the house: the outbox that a person reads on its page, and the work list of the staff.

What they take is kept by the outcome's own transaction, so there is nothing to lose and nobody to ask: taking
it again changes nothing.
"""

from uuid import UUID

from db.tables import Channel as ChannelName
from service.channels import CANNOT_BE_ASKED, Accepted, Answer, Capabilities, Channel, Channels, Letter


class Local:
    capabilities = Capabilities(honours_key=True)

    def send(self, letter: Letter) -> Answer:
        return Accepted()

    def look_up(self, key: UUID) -> Answer | None:
        return CANNOT_BE_ASKED


def channels() -> Channels:
    """Without a configured transport everything stays here."""
    found: dict[ChannelName, Channel] = {ChannelName.OUTBOX: Local(), ChannelName.WORKLIST: Local()}
    return found

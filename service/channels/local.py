"""The channels inside the house: the outbox that a person reads on its page, and the work list of the staff.

What they take is kept by the outcome's own transaction, so there is nothing to lose and nobody to ask.
"""

from db.tables import Channel as ChannelName
from service.channels import Accepted, Answer, Channel, Channels, Letter


class Local:
    def send(self, letter: Letter) -> Answer:
        return Accepted()


def channels() -> Channels:
    """Without a configured transport everything stays here."""
    found: dict[ChannelName, Channel] = {ChannelName.OUTBOX: Local(), ChannelName.WORKLIST: Local()}
    return found

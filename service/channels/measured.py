"""A channel whose calls are counted by their answer, and timed."""

from dataclasses import dataclass
from uuid import UUID

from db.tables import Channel as ChannelName
from service import metrics
from service.channels import Answer, Capabilities, Channel, Channels, Letter


@dataclass(frozen=True, slots=True)
class Measured:
    name: ChannelName
    channel: Channel

    @property
    def capabilities(self) -> Capabilities:
        return self.channel.capabilities

    def send(self, letter: Letter) -> Answer:
        outcome = "unknown"  # also of a call that raised
        try:
            with metrics.calling(self.name.value, "send"):
                answer = self.channel.send(letter)
            outcome = type(answer).__name__.lower()
            return answer
        finally:
            metrics.attempted(self.name.value, outcome)

    def look_up(self, key: UUID) -> Answer | None:
        with metrics.calling(self.name.value, "look-up"):
            return self.channel.look_up(key)


def every(channels: Channels) -> Channels:
    return {name: Measured(name, channel) for name, channel in channels.items()}

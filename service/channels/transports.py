"""The transports that the settings name, beside the channels inside the house."""

from collections.abc import Callable
from urllib.parse import urlsplit

from db.tables import Channel as ChannelName
from service.channels import Capabilities, Channels, email, local, webhook
from service.channels.dead_man import DeadMan
from service.channels.email import Email
from service.channels.signed import Gateway
from service.channels.webhook import Webhook
from service.errors import Refused
from service.settings import Settings

SHORTEST_SECRET = 16


def channels(given: Settings) -> Channels:
    """Without a transport everything stays in the house. Refused names the setting that is wrong."""
    return {**local.channels(), **_webhooks(given), **_email(given)}


def gateway(given: Settings) -> Gateway | None:
    """Whose receipts are believed."""
    if given.webhook_url is None or given.webhook_secret is None:
        return None
    names = tuple(ChannelName(name) for name in given.webhook_channels)
    return Gateway(given.webhook_secret.get_secret_value().encode(), names)


def _webhooks(given: Settings) -> Channels:
    if given.webhook_url is None:
        return {}
    if not webhook.is_safe(given.webhook_url):
        raise Refused("NEXTCOUNT_WEBHOOK_URL: write https://…, or http:// on this machine")
    if given.webhook_secret is None or len(given.webhook_secret.get_secret_value()) < SHORTEST_SECRET:
        raise Refused(
            f"NEXTCOUNT_WEBHOOK_SECRET: the webhook needs one of {SHORTEST_SECRET} characters or more"
        )
    secret = given.webhook_secret.get_secret_value().encode()
    names = [ChannelName(name) for name in given.webhook_channels]
    asked, pace = given.webhook_can_be_asked, given.webhook_per_second
    place = urlsplit(given.webhook_url).netloc.rpartition("@")[2]
    return {
        name: Webhook(given.webhook_url, secret, name, can_be_asked=asked, per_second=pace, place=place)
        for name in names
    }


def _email(given: Settings) -> Channels:
    if given.email_url is None:
        return {}
    if given.email_from is None or not email.is_address(given.email_from):
        raise Refused(
            "NEXTCOUNT_EMAIL_FROM: e-mail needs the address it comes from, as reminders@clinic.example"
        )
    try:
        server = email.server(given.email_url.get_secret_value())
    except ValueError:
        raise Refused("NEXTCOUNT_EMAIL_URL: write smtp://USER:PASSWORD@HOST:PORT or smtps://…") from None
    can = Capabilities(per_second=given.email_per_second, place=f"{server.host}:{server.port}")
    return {ChannelName.EMAIL: Email(server, given.email_from, can=can)}


# ---- what is called or mailed besides patients


def canary(given: Settings, found: Channels) -> tuple[ChannelName, str] | None:
    """Where canaries fly to: an e-mail address, or a number for text messages; None inside the house."""
    if given.canary_address is None:
        return None
    name = ChannelName.EMAIL if email.is_address(given.canary_address) else ChannelName.SMS
    if name not in found:
        raise Refused(f"NEXTCOUNT_CANARY_ADDRESS: no transport carries {name.value}: configure one that does")
    return name, given.canary_address


def dead_man(given: Settings) -> Callable[[], bool] | None:
    """What calls the dead man's switch outside. Refused when the call would be in the open."""
    if given.dead_man_url is None:
        return None
    url = given.dead_man_url.get_secret_value()
    if not webhook.is_safe(url):
        raise Refused("NEXTCOUNT_DEAD_MAN_URL: write https://…, or http:// on this machine")
    return DeadMan(url).call

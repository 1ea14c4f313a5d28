"""For Prometheus: what this process counted, and what the database knows."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from service import guard
from service.deps import InHouse
from service.flows import gauges

router = guard.router(tags=["health"])

DOCUMENTED = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/metrics", operation_id="metrics", response_class=Response, responses=DOCUMENTED)  # type: ignore[arg-type]
def metrics(house: InHouse) -> Response:
    """Prometheus's text format. It answers without the database too: then `nextcount_database_up` is 0."""
    return Response(
        generate_latest(gauges.registry(house.engine, house.clock)), media_type=CONTENT_TYPE_LATEST
    )
